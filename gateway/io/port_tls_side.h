/* port_tls_side.h - what port_tls.c (one connection) and port_tls_side.c (files) share, and nobody else
 * sees.
 */
#pragma once

#include "io/port_address.h"
#include "io/port_tls.h"

/* OpenSSL has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

/* Read again first when a file has changed. Lives until the next call; SSL_new holds it longer. */
SSL_CTX *tls_side_context(struct tls_side *side);
bool tls_side_is_dialling(const struct tls_side *side);
/* "2026-11-25" */
void tls_date(const ASN1_TIME *time, char *ret_text, size_t room);
/* Looks at each certificate that a peer shows; see SSL_CTX_set_verify(3). */
int tls_talk_looks(int is_good, X509_STORE_CTX *store);
