/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PSYMATCH_H
#define PSYMATCH_PSYMATCH_H

#include <psymatch/base.h>
#include <psymatch/bundle.h>
#include <psymatch/call.h>
#include <psymatch/catalogue.h>
#include <psymatch/change.h>
#include <psymatch/clock.h>
#include <psymatch/communication.h>
#include <psymatch/config.h>
#include <psymatch/consumer.h>
#include <psymatch/dead.h>
#include <psymatch/entity.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/geo.h>
#include <psymatch/handler.h>
#include <psymatch/health.h>
#include <psymatch/inquiry.h>
#include <psymatch/jobs.h>
#include <psymatch/json.h>
#include <psymatch/log.h>
#include <psymatch/mail.h>
#include <psymatch/matching.h>
#include <psymatch/memory.h>
#include <psymatch/metrics.h>
#include <psymatch/patient.h>
#include <psymatch/patient_import.h>
#include <psymatch/payload.h>
#include <psymatch/processor.h>
#include <psymatch/producer.h>
#include <psymatch/program.h>
#include <psymatch/relay.h>
#include <psymatch/replay.h>
#include <psymatch/report.h>
#include <psymatch/scraping.h>
#include <psymatch/search.h>
#include <psymatch/spool.h>
#include <psymatch/store.h>
#include <psymatch/suggestion.h>
#include <psymatch/therapist.h>
#include <psymatch/topics.h>
#include <psymatch/transport.h>
#include <psymatch/uuid.h>

#endif
