/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificate and key of a service, before libmicrohttpd has them: it would
 * only say that it does not start. */
#include "service/service.h"

#include <errno.h>
#include <microhttpd.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX 65536

static int
read_file(const char *path, char **out, psm_error *err)
{
	FILE *f = fopen(path, "rbe");
	size_t n = 0;
	int rc = PSM_OK;

	if (!f)
		return psm__fail(err, PSM_ERR_CONFIG, "%s: cannot be read: %s",
		                 path, strerror(errno));
	*out = psm__alloc(FILE_MAX + 1);
	if (!*out)
		rc = psm__nomem(err);
	else
		n = fread(*out, 1, FILE_MAX, f);
	if (rc == PSM_OK && (ferror(f) || n == 0 || n == FILE_MAX))
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "%s: want 1 to %d bytes that can be read", path,
		               FILE_MAX - 1);
	(void)fclose(f); /* nothing was written to it */
	return rc;
}

static X509 *
read_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return cert;
}

/* A key that wants a password is none: nobody is there to type it. */
static int
no_password(char *to, int size, int rwflag, void *user)
{
	(void)to;
	(void)size;
	(void)rwflag;
	(void)user;
	return -1;
}

static EVP_PKEY *
read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key =
	    bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	return key;
}

static int
check(const struct svc_door *door, const char *cert_pem, const char *key_pem,
      psm_error *err)
{
	X509 *cert = read_cert(cert_pem);
	EVP_PKEY *key = read_key(key_pem);
	int rc = PSM_OK;

	if (!cert)
		rc =
		    psm__fail(err, PSM_ERR_CONFIG,
		              "%s: want a certificate in PEM", door->cert_file);
	else if (!key)
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "%s: want a key in PEM without a password",
		               door->key_file);
	else if (X509_check_private_key(cert, key) != 1)
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "%s: want the key of the certificate in %s",
		               door->key_file, door->cert_file);
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc;
}

int
psm__svc_tls_read(const struct svc_door *door, char **cert, char **key,
                  psm_error *err)
{
	int rc;

	*cert = *key = NULL;
	if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PSYMATCH_HTTP_TLS_CERT_FILE: this "
		                 "libmicrohttpd has no TLS");
	rc = read_file(door->cert_file, cert, err);
	if (rc == PSM_OK)
		rc = read_file(door->key_file, key, err);
	if (rc == PSM_OK)
		rc = check(door, *cert, *key, err);
	if (rc < 0) {
		psm__svc_tls_free(*cert);
		psm__svc_tls_free(*key);
		*cert = *key = NULL;
	}
	return rc;
}

void
psm__svc_tls_free(char *pem)
{
	if (pem)
		OPENSSL_cleanse(pem, strlen(pem));
	psm__free(pem);
}
