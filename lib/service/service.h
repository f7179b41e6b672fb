/* SPDX-License-Identifier: BSD-2-Clause */
/* The service room: what its files share. It sees libpsymatch through the
 * public headers only, like any other program. Of lib/base it has a copy of the
 * files that need nothing else (Makefile.inc says which). */
#ifndef PSM_SERVICE_INT_H
#define PSM_SERVICE_INT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <psymatch/psymatch.h>
#include <psymatch/service.h>

#include "base/base.h"

#define SVC_NAME_MAX 48
#define SVC_SEGMENTS_MAX 12
#define SVC_QUERY_MAX 32
#define SVC_HEADERS_MAX 8
#define SVC_REASON_SIZE 256

/* -- log.c */

/* "text" or "json" (the default). */
void psm__svc_log_format(const char *format);
/* "opentelemetry" or "psymatch" (the default). */
void psm__svc_log_names(const char *names);
/* 1: a line that is written again and again stands on standard error, the cursor
 * at its start; what is logged wipes it. */
void psm__svc_log_wipes(int wipes);
/* What this thread logs and asks of neighbours from now on belongs to the trace
 * of this traceparent; NULL: to none. */
void psm__svc_trace_set(const char *traceparent);
/* That of this thread; "": none. */
const char *psm__svc_trace(void);
/* Of a request: its header's, or else one of a new trace. 1: the header's. */
int psm__svc_trace_of(const char *header, char to[PSM__TRACEPARENT_SIZE]);

/* -- route.c: paths of routes and of requests. */

struct svc_segment {
	const char *text; /* into the route's path, without braces */
	size_t len;
	int is_param;
};

/* What a token lets its owner do; each more than the one before. */
enum svc_role { SVC_ROLE_NONE, SVC_ROLE_READ, SVC_ROLE_WRITE, SVC_ROLE_ADMIN };

struct svc_route {
	const char *method; /* one of psm__svc_methods */
	enum svc_role role; /* that a token needs for it */
	char *path;
	struct svc_segment segments[SVC_SEGMENTS_MAX];
	size_t count;
	psm_route_fn fn;
	void *user;
	int built_in; /* answers in every state of the service */
};

struct svc_pair {
	char *name, *value;
};

/* From the method, but for some paths. */
enum svc_role psm__svc_role_of(const char *method, const char *path);
int psm__svc_route_init(struct svc_route *r, const char *method,
                        const char *path, psm_error *err);
void psm__svc_route_clear(struct svc_route *r);
/* 1 if a request could fit both equally well. */
int psm__svc_route_same(const struct svc_route *a, const struct svc_route *b);
/*
 * The route for a path as sent. *allowed receives the methods of the path that
 * fits best, as bits of svc_methods; NULL: none fits, or none of that path.
 */
const struct svc_route *psm__svc_route_find(const struct svc_route *routes,
                                            size_t count, const char *method,
                                            const char *path,
                                            unsigned *allowed);
extern const char *const psm__svc_methods[]; /* NULL-terminated */
/* Percent-decode in place; PSM_ERR_PARSE: malformed, or a NUL byte. */
int psm__svc_decode(char *text);

/* -- pool.c */

struct svc_pool;
struct MHD_Connection;

/* A request for a handler's thread; one list or the other has it. */
struct svc_job {
	struct svc_job *prev, *next;
	int is_waiting; /* the pool's */
	int64_t put_us;
	psm_request *req;
	struct MHD_Connection *conn;
};

typedef void (*svc_job_fn)(struct svc_job *job, void *user);

/* Calls psm__svc_pool_leaves() before it sleeps, and returns if that says so. */
typedef void (*svc_attend_fn)(void *user);

/* Threads, of which one or two are made now, call run: at_once of them and one
 * more for each whose job takes long, at most max. If attend is not NULL, one of
 * them is always in it, or comes back within about a millisecond; only it may put
 * jobs, look and withdraw them. name lives as long as the process: at most 15
 * bytes; max is 2 or more. */
int psm__svc_pool_new(const char *name, size_t at_once, size_t max,
                      svc_job_fn run, svc_attend_fn attend, void *user,
                      struct svc_pool **out, psm_error *err);
/* In attend: 1: there is a job for this thread, or the pool is closing; it is to
 * return, another one may attend already. */
int psm__svc_pool_leaves(struct svc_pool *pool);
/* job is run once; it lives until then. */
void psm__svc_pool_put(struct svc_pool *pool, struct svc_job *job);
/* Let others begin in place of those whose job began more than 5 ms before
 * now_us, which is as psm__mono_us(). When it wants to be called again, in ms;
 * -1: not before the next job is put. */
int psm__svc_pool_look(struct svc_pool *pool, int64_t now_us);
/* 1: it was still waiting, and is not run any more. */
int psm__svc_pool_withdraw(struct svc_pool *pool, struct svc_job *job);
/* No more is put: whoever attends is told by psm__svc_pool_leaves(). */
void psm__svc_pool_close(struct svc_pool *pool);
/* Runs what waits, then ends. */
void psm__svc_pool_free(struct svc_pool *pool);

/* -- client.c */

/* libcurl is ready when this returns; any thread. */
void psm__svc_init_curl(void);

/* The token that this process shows to other services, and whom it believes
 * that they are: of the settings, for the whole process. PSM_ERR_CONFIG. */
int psm__svc_client_settings(const psm_config *cfg, psm_error *err);

/* GET base + path of another service: its JSON, new (psm_json_free). At most 32
 * at the same time. PSM_ERR_UNAVAILABLE names the service: it is not there, is
 * late, answers with another status than 200 or no JSON, or too many requests
 * wait for it. */
int psm__svc_fetch(const char *service, const char *base, const char *path,
                   int timeout_ms, psm_json **out, psm_error *err);

/* GET base + path as agent (NULL: nobody): *status, and *out, new, or NULL if
 * the answer is no JSON. PSM_ERR_UNAVAILABLE: there was none, or
 * PSM_ERR_NOMEM. timeout_ms is 1 or more. */
int psm__svc_get(const char *base, const char *path, const char *agent,
                 int timeout_ms, long *status, psm_json **out);

/* POST a JSON text to base + path with an Idempotency-Key: *status, and *out as
 * psm__svc_get(). At most 32 at the same time, together with the others.
 * PSM_ERR_UNAVAILABLE names the service: there is no answer. */
int psm__svc_post(const char *service, const char *base, const char *path,
                  const char *body, const char *key, int timeout_ms,
                  long *status, psm_json **out, psm_error *err);

/* -- deadline.c */

/* From now on the calling thread waits for databases ms longer; 0: as long as
 * they take. */
void psm__svc_deadline(int64_t ms);

/* -- conns.c */

struct svc_limits {
	size_t connections;        /* more wait to be accepted */
	size_t client_connections; /* of one address; 0: half of them */
	size_t handlers;     /* threads that run the application's handlers */
	size_t at_once;      /* of them, while none waits for long */
	size_t bodies;       /* bytes of the bodies of all requests */
	int64_t head_ms;     /* until request line and headers are there */
	int64_t body_ms;     /* until the body is there, too */
	int64_t queue_ms;    /* until a handler's thread takes the request */
	int64_t database_ms; /* of it a handler waits for the database */
	int64_t answer_ms;   /* until the client has read the answer */
	int64_t idle_ms;     /* without a byte; before the next request */
	int64_t crowded_ms;  /* for head or body, when sockets run out */
};

enum svc_phase {
	SVC_HEAD,
	SVC_BODY,
	SVC_QUEUED,
	SVC_HANDLED,
	SVC_ANSWER,
	SVC_CLOSING
};

struct svc_conn {
	struct svc_conn *prev, *next;
	int fd;
	enum svc_phase phase;
	unsigned long long answers;
	int64_t since_us, until_us; /* of the phase; 0: as long as it takes */
	struct svc_job *job;        /* while QUEUED */
};

struct svc_conns {
	const struct svc_limits *limits;
	struct svc_conn *first, *last; /* in the order of their coming */
	size_t count, closing;
	int is_tls;      /* nothing may be written beside it */
	int64_t next_us; /* nothing is late before; 0: nothing ever */
};

void psm__svc_conns_init(struct svc_conns *conns,
                         const struct svc_limits *limits);
/* NULL: out of memory. */
struct svc_conn *psm__svc_conn_new(struct svc_conns *conns, int fd);
void psm__svc_conn_free(struct svc_conns *conns, struct svc_conn *conn);
void psm__svc_conn_phase(struct svc_conns *conns, struct svc_conn *conn,
                         enum svc_phase phase);
/* Shut down what took too long; ask late() what to do with what waits for a
 * handler. The next time to look, 0: none. */
int64_t psm__svc_conns_expire(struct svc_conns *conns, int64_t now_us,
                              void (*late)(struct svc_conn *conn, void *user),
                              void *user);

/* -- request.c */

struct psm_response {
	int status; /* 0: no answer yet */
	const char *content_type;
	char *body;        /* ours; NULL: see fixed */
	const char *fixed; /* lives as long as the process; may be NULL */
	size_t len;
	struct svc_pair headers[SVC_HEADERS_MAX];
	size_t header_count;
};

/* What the door says of a request. */
struct svc_verdict {
	int status;            /* of the answer; 0: it may come in */
	const char *message;   /* with a status */
	const char *challenge; /* WWW-Authenticate; NULL: none */
	const char *origin;    /* Access-Control-Allow-Origin; NULL: none */
	int credentials, is_preflight;
	enum svc_role role;            /* without tokens: all there is */
	char client[SVC_NAME_MAX + 1]; /* whose token it is; "" */
};

struct psm_request {
	const char *method, *path;
	struct MHD_Connection *conn;
	char *path_copy; /* cut and decoded: params point into it */
	int key_hours;   /* how long an Idempotency-Key is kept */
	struct svc_pair params[SVC_SEGMENTS_MAX];
	size_t param_count;
	struct svc_pair query[SVC_QUERY_MAX];
	size_t query_count;
	char *body;
	size_t body_len, body_cap, dropped;
	int64_t start_us;
	char traceparent[PSM__TRACEPARENT_SIZE];
	int is_trace_theirs; /* the header said so, not we */
	int refused;         /* why, while the body is still coming; 0 */
	int answered;        /* perhaps before the body came */
	int entered;         /* counts as in flight */
	int handled;         /* a pool has or had it: the answer is there */
	const struct svc_route *route; /* NULL: none fits */
	unsigned allowed;              /* as from psm__svc_route_find */
	struct svc_verdict verdict;
	struct svc_job job;
	psm_response res;
};

/* Fill in the params of a route that fits; PSM_ERR_PARSE, PSM_ERR_NOMEM. */
int psm__svc_request_params(psm_request *req, const struct svc_route *route);
/* One name and value of the query as sent; PSM_ERR_PARSE, PSM_ERR_NOMEM. */
int psm__svc_request_query(psm_request *req, const char *name,
                           const char *value);
/* Take a piece of the body; what is over limit is dropped and counted. */
int psm__svc_request_append(psm_request *req, const char *data, size_t len,
                            size_t limit);
void psm__svc_request_free(psm_request *req);

/* -- once.c */

/* Remove all answers to an Idempotency-Key that are older. */
int psm__svc_forget_keys(psm_store *st, int hours, psm_error *err);

/* -- response.c */

void psm__svc_response_text(psm_response *res, int status,
                            const char *content_type, const char *text,
                            size_t len);
void psm__svc_response_clear(psm_response *res);
/* psm_response_error() with another message; NULL: its own. */
void psm__svc_response_error(psm_response *res, const psm_error *err,
                             const char *message);

/* -- worker.c */

struct svc_worker;
struct svc_run_times {
	int64_t first_us, limit_us; /* pauses after failures */
	int64_t long_us; /* a run that takes longer is seen in the health */
};

/* The pause after so many failures in a row, 1 or more, before jitter. */
int64_t psm__svc_backoff_us(const struct svc_run_times *t, unsigned failures);
int psm__svc_worker_new(const char *name, int interval_s,
                        const struct svc_run_times *times, psm_work_fn fn,
                        void *user, struct svc_worker **out, psm_error *err);
void psm__svc_worker_free(struct svc_worker *w);
/* These three have the types of a stage's and a part's functions. */
int psm__svc_worker_start(void *worker, psm_error *err);
int psm__svc_worker_stop(int timeout_ms, void *worker, psm_error *err);
int psm__svc_worker_health(char *reason, size_t size, void *worker);

/* Wait for the thread to return, however long that takes. */
void psm__svc_worker_join(struct svc_worker *w);

/* -- health.c */

struct svc_part {
	char name[SVC_NAME_MAX + 1];
	psm_health_fn fn;
	void *user;
};

/* The health of the parts of these names (NULL-terminated; NULL: of all) and of
 * the service itself, as /health shows it; *json is new (psm_free). The worst
 * enum psm_health, or PSM_ERR_NOMEM. */
int psm__svc_health(psm_service *svc, const psm_request *req,
                    const char *const *names, char **json, psm_error *err);
int psm__svc_ready_route(const psm_request *req, psm_response *res,
                         void *service, psm_error *err);
int psm__svc_live_route(const psm_request *req, psm_response *res,
                        void *service, psm_error *err);
int psm__svc_health_route(const psm_request *req, psm_response *res,
                          void *service, psm_error *err);
int psm__svc_metrics_route(const psm_request *req, psm_response *res,
                           void *service, psm_error *err);

/* -- signals.c: a thread that waits for signals and watches the deadline. */

struct svc_signals;

/* on_signal runs once, on that thread. Blocks the signals in this one. */
int psm__svc_signals_start(void (*on_signal)(int number, void *user),
                           void *user, struct svc_signals **out,
                           psm_error *err);
/* End the process unless stop() is called before that monotonic time. */
void psm__svc_signals_deadline(struct svc_signals *s, int64_t at_us);
void psm__svc_signals_stop(struct svc_signals *s);

/* -- listen.c */

/* A listening socket; port 0 picks one, *bound (may be NULL) receives it. */
int psm__svc_listen(const char *host, int port, int *fd, int *bound,
                    psm_error *err);
/* -- answer.c: it and http.c are the only files that call libmicrohttpd. */

/* Queue the answer in req, log and count it; 0: hang up. */
int psm__svc_answer(struct MHD_Connection *conn, psm_request *req);
/* The query as sent; PSM_ERR_PARSE, PSM_ERR_NOMEM. */
int psm__svc_read_query(struct MHD_Connection *conn, psm_request *req);
/* The content length says it: answer before the body is sent. */
int psm__svc_is_announced_over(struct MHD_Connection *conn, size_t limit);
int psm__svc_are_headers_over(struct MHD_Connection *conn, size_t limit);

#define SVC_PEER_SIZE 64
/* The address of the client, without its port; its length. */
size_t psm__svc_peer(struct MHD_Connection *conn, char peer[SVC_PEER_SIZE]);

/* -- access.c */

struct svc_tokens;
struct svc_origins;
struct svc_rate;

struct svc_door {
	struct svc_tokens *tokens; /* NULL: nobody needs one */
	struct svc_origins *origins;
	struct svc_rate *rate;      /* NULL: no limit */
	int is_open;                /* to other machines without tokens */
	char *cert_file, *key_file; /* NULL: no TLS */
};

int psm__svc_door_init(psm_service *svc, const psm_config *cfg, psm_error *err);
void psm__svc_door_clear(psm_service *svc);
/* PSM_ERR_CONFIG: others reach this socket, and need no token. */
int psm__svc_door_may_listen(const psm_service *svc, int fd, psm_error *err);
/* Fill in the verdict; the route is found by then. */
void psm__svc_door_check(psm_service *svc, psm_request *req);
/* 1: it has a token, or needs none. */
int psm__svc_request_is_known(const psm_request *req);
/* Answer why a handler does not. */
void psm__svc_refuse(psm_request *req, int rc);

/* -- tls.c */

/* Both files, new (psm__svc_tls_free), checked as far as they can be here;
 * PSM_ERR_CONFIG. */
int psm__svc_tls_read(const struct svc_door *door, char **cert, char **key,
                      psm_error *err);
void psm__svc_tls_free(char *pem);

/* -- http.c */

struct svc_http;

/* fd is taken. */
int psm__svc_http_start(psm_service *svc, int fd, struct svc_http **out,
                        psm_error *err);
void psm__svc_http_stop(struct svc_http *http);

/* -- service.c */

/* 1 to SVC_NAME_MAX bytes of [a-z0-9-]. */
int psm__svc_is_name(const char *name);

/* 0 if svc has not run, name is a name and ok: the start of every function that
 * adds something; clears err. */
int psm__svc_check_new(psm_service *svc, const char *name, int ok,
                       psm_error *err);
int psm__svc_add_part(psm_service *svc, const char *name, psm_health_fn fn,
                      void *user, psm_error *err);
int psm__svc_add_stage(psm_service *svc, const char *name, psm_start_fn start,
                       psm_stop_fn stop, void *user, psm_error *err);

/* Free ptr, taken, with the service, the last one first; when this fails, too,
 * at once. */
int psm__svc_own(psm_service *svc, void *ptr, void (*release)(void *),
                 psm_error *err);
/* A copy that lives as long as the service; NULL: out of memory. */
const char *psm__svc_keep_text(psm_service *svc, const char *text,
                               psm_error *err);

/* -- state.c */

enum svc_state {
	SVC_NEW,
	SVC_STARTING,
	SVC_RUNNING,
	SVC_STOPPING,
	SVC_STOPPED,
	SVC_STATES
};

struct svc_stage {
	char name[SVC_NAME_MAX + 1];
	psm_start_fn start;
	psm_stop_fn stop;
	void *user;
	struct svc_worker *worker; /* ours, when user is one */
	void *owned;               /* freed with the service; may be NULL */
};

/* What belongs to the service, beside that. */
struct svc_owned {
	void *ptr;
	void (*release)(void *ptr);
};

/*
 * The arrays change in state NEW only and are read without the lock afterwards:
 * the threads that read them are made later. The lock is held for the fields
 * behind it, never while calling a function of the application, and no other
 * lock is taken under it.
 */
struct psm_service {
	char name[SVC_NAME_MAX + 1];
	int64_t shutdown_ms;
	/* After that the stages have had their say; this is for returning. */
	int64_t grace_us;
	int key_hours; /* how long an Idempotency-Key is kept */
	struct svc_limits limits;
	struct svc_door door;
	struct svc_run_times run_times;
	struct svc_route *routes;
	size_t route_count, route_cap;
	struct svc_part *parts;
	size_t part_count, part_cap;
	struct svc_stage *stages;
	size_t stage_count, stage_cap;
	struct svc_owned *owned;
	size_t owned_count, owned_cap;
	int is_mounted; /* below its name, at the port of another service */
	char *(*more_metrics)(void *user); /* new text; NULL: none */
	void *more_metrics_user;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum svc_state state;
	const char *starting; /* the stage at hand; "" */
	int stop_asked, is_over;
	size_t in_flight; /* requests for the application, until answered */
};

/* From NEW to STARTING; PSM_ERR_STATE: it is or was somewhere else. */
int psm__svc_begin(psm_service *svc, psm_error *err);
void psm__svc_set_state(psm_service *svc, enum svc_state state);
/* 1: a handler of the application may run; call leave when its answer has
 * left. */
int psm__svc_enter(psm_service *svc);
void psm__svc_leave(psm_service *svc);
/* 1: the stages stop, no handler may begin any more. */
int psm__svc_is_over(psm_service *svc);
/* reason[SVC_REASON_SIZE] receives the state in words; an enum psm_health. */
int psm__svc_state_health(psm_service *svc, char *reason);
/* Wait until the state is reached or passed; 0 or PSM_ERR_TIMEOUT. */
int psm__svc_wait(psm_service *svc, enum svc_state state, int timeout_ms);

/* -- notify.c */

/* Tell systemd, e.g. "READY=1". 1: told. 0: it does not want to know, or could
 * not be told, which is logged. Any thread. */
int psm__svc_notify(const char *state);
/* How often it wants to hear "WATCHDOG=1", twice as often as it says, in
 * microseconds; 0: never. */
int64_t psm__svc_watchdog_us(void);

/* -- runner.c */

/* A service and the socket that it listens on; -1: no HTTP. */
struct svc_seat {
	psm_service *svc;
	int fd;
};

/* psm_service_run() of services that share a process, on sockets that are
 * taken. They start one after the other and stop in the reverse order, when the
 * first one is asked to; its deadline counts. */
int psm__svc_run_group(const struct svc_seat *seats, size_t count,
                       psm_error *err);
/* That of one alone. */
int psm__svc_run_on(psm_service *svc, int fd, psm_error *err);

#endif
