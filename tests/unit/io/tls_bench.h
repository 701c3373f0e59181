/* tls_bench.h - certificates made while the test runs: good ones and each kind of bad one.
 *
 * Included by test_port_tls.c and test_sip_tls.c. Everything lies in one folder, removed at the end.
 */
#pragma once

#include "io/port_tls.h"

/* OpenSSL has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 24 * 3600, PATH_ROOM = 160 };

struct tls_id {
    X509 *certificate;
    EVP_PKEY *key;
    char certificate_path[PATH_ROOM];
    char key_path[PATH_ROOM];
};

struct tls_bench {
    char folder[64];
    struct tls_id ca;
    struct tls_id other_ca;
    struct tls_id server;     /* 127.0.0.1 and larm.example */
    struct tls_id expired;    /* the same, until yesterday */
    struct tls_id early;      /* from tomorrow on */
    struct tls_id stranger;   /* the same, signed by other_ca */
    struct tls_id misnamed;   /* 192.0.2.1 and other.example */
    struct tls_id selfsigned; /* 127.0.0.1, by itself */
    struct tls_id device;     /* a client */
    struct tls_id old_device; /* until yesterday */
    struct tls_id odd_device; /* signed by other_ca */
};

static inline void tls_add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void tls_write(const struct tls_id *id)
{
    FILE *file = fopen(id->certificate_path, "w");
    assert_int_equal(PEM_write_X509(file, id->certificate), 1);
    fclose(file);
    file = fopen(id->key_path, "w");
    assert_int_equal(PEM_write_PrivateKey(file, id->key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

/* `names` as in openssl's subjectAltName, NULL: it may sign others. `by` NULL: signed by itself. */
static inline void tls_make(const struct tls_bench *bench, struct tls_id *id, const char *name,
                            const char *names, const struct tls_id *by, int from_day, int to_day)
{
    static long serial = 1;
    snprintf(id->certificate_path, PATH_ROOM, "%s/%s.pem", bench->folder, name);
    snprintf(id->key_path, PATH_ROOM, "%s/%s.key", bench->folder, name);
    id->key = EVP_EC_gen("P-256");
    id->certificate = X509_new();
    X509 *certificate = id->certificate;
    X509 *issuer = by != NULL ? by->certificate : certificate;
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), (long)from_day * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)to_day * DAY_S);
    X509_set_pubkey(certificate, id->key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    tls_add(certificate, issuer, NID_basic_constraints, names == NULL ? "CA:TRUE" : "CA:FALSE");
    if (names != NULL && *names != '\0') {
        tls_add(certificate, issuer, NID_subject_alt_name, names);
    }
    assert_true(X509_sign(certificate, by != NULL ? by->key : id->key, EVP_sha256()) > 0);
    tls_write(id);
}

static inline void tls_drop(struct tls_id *id)
{
    unlink(id->certificate_path);
    unlink(id->key_path);
    X509_free(id->certificate);
    EVP_PKEY_free(id->key);
}

static inline int tls_bench_setup(void **state)
{
    static const char good[] = "IP:127.0.0.1,DNS:larm.example";
    struct tls_bench *bench = calloc(1, sizeof *bench);
    snprintf(bench->folder, sizeof bench->folder, "/tmp/samlarm-tls-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    tls_make(bench, &bench->ca, "ca", NULL, NULL, -100, 100);
    tls_make(bench, &bench->other_ca, "other-ca", NULL, NULL, -100, 100);
    tls_make(bench, &bench->server, "server", good, &bench->ca, -10, 100);
    tls_make(bench, &bench->expired, "expired", good, &bench->ca, -10, -1);
    tls_make(bench, &bench->early, "early", good, &bench->ca, 1, 10);
    tls_make(bench, &bench->stranger, "stranger", good, &bench->other_ca, -10, 100);
    tls_make(bench, &bench->misnamed, "misnamed", "IP:192.0.2.1,DNS:other.example", &bench->ca, -10,
             100);
    tls_make(bench, &bench->selfsigned, "selfsigned", good, NULL, -10, 100);
    tls_make(bench, &bench->device, "device", "", &bench->ca, -10, 100);
    tls_make(bench, &bench->old_device, "old-device", "", &bench->ca, -10, -1);
    tls_make(bench, &bench->odd_device, "odd-device", "", &bench->other_ca, -10, 100);
    *state = bench;
    return 0;
}

static inline int tls_bench_teardown(void **state)
{
    struct tls_bench *bench = *state;
    struct tls_id *all[] = {&bench->ca,         &bench->other_ca,   &bench->server,
                            &bench->expired,    &bench->early,      &bench->stranger,
                            &bench->misnamed,   &bench->selfsigned, &bench->device,
                            &bench->old_device, &bench->odd_device};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        tls_drop(all[i]);
    }
    rmdir(bench->folder);
    free(bench);
    return 0;
}

static inline struct port_tls tls_of(const struct tls_id *own, const struct tls_id *ca,
                                     enum port_tls_client client)
{
    return (struct port_tls){.certificate = own == NULL ? NULL : own->certificate_path,
                             .key = own == NULL ? NULL : own->key_path,
                             .ca = ca == NULL ? NULL : ca->certificate_path,
                             .client = client};
}
