/* port_tls.c - one TLS connection over OpenSSL's memory BIOs; see port_tls.h. */
#include "io/port_tls_side.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_HANDSHAKE = 22, RECORD_ALERT = 21 };

struct tls_talk {
    SSL *ssl; /* owns both BIOs */
    BIO *in;
    BIO *out;
    bool is_dialling;
    bool has_begun; /* the peer has sent something */
    char expected[PORT_HOST_ROOM];
    int fault;      /* X509_V_ERR_*: what is wrong with the peer's certificate */
    bool is_signer; /* ... or with the one of somebody who signed it */
    char subject[100];
    char until[16]; /* notAfter of that certificate */
    char why[TLS_WHY_ROOM];
};

/* --- words ------------------------------------------------------------------------------------------ */

static const struct {
    int reason;
    enum err err;
    const char *why;
} refusals[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ERR_AUTH,
     "the peer shows no certificate, and this port wants one"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, ERR_AUTH,
     "the peer does not trust whoever signed our certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, ERR_AUTH,
     "the peer says that our certificate has expired"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, ERR_AUTH, "the peer does not accept our certificate"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, ERR_AUTH, "the peer does not accept our certificate"},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, ERR_AUTH,
     "the peer does not accept our kind of certificate"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, ERR_AUTH,
     "the peer wants to see a certificate of ours, and we show none"},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, ERR_AUTH, "the peer refuses us (access denied)"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, ERR_SYNTAX,
     "the peer refuses the handshake: no cipher suite in common, or it wants a certificate of "
     "ours"},
    {SSL_R_NO_SHARED_CIPHER, ERR_SYNTAX, "the peer offers no cipher suite that is good enough"},
    {SSL_R_UNSUPPORTED_PROTOCOL, ERR_SYNTAX,
     "the peer speaks no TLS newer than 1.1; 1.2 is asked for"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, ERR_SYNTAX,
     "the peer refuses our versions of TLS, 1.2 and 1.3"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, ERR_SYNTAX, "the peer's certificates are longer than allowed"},
};

static const char *fault_text(const struct tls_talk *talk)
{
    switch (talk->fault) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "is not valid yet, or our clock is wrong";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "is signed by itself, and is not among those we trust";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "is signed by nobody whom we trust";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "is for another name";
    case X509_V_ERR_INVALID_PURPOSE:
        return "is not made for this end of a connection";
    default:
        return X509_verify_cert_error_string(talk->fault);
    }
}

/* Leaves OpenSSL's queue of errors empty. */
static enum err explain(struct tls_talk *talk)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    const char *word = code == 0 ? NULL : ERR_reason_error_string(code);
    enum err err = ERR_SYNTAX;
    struct buf why = buf_of(talk->why, sizeof talk->why);
    if (talk->fault != X509_V_OK) {
        bool is_name = talk->fault == X509_V_ERR_HOSTNAME_MISMATCH ||
                       talk->fault == X509_V_ERR_IP_ADDRESS_MISMATCH;
        bool is_dated = talk->fault == X509_V_ERR_CERT_HAS_EXPIRED;
        snprintf(talk->why, sizeof talk->why, "%s %s%s%.60s%s%s",
                 talk->is_signer ? "the certificate of who signed the peer's"
                                 : "the peer's certificate",
                 fault_text(talk), is_name ? ", not for " : "", is_name ? talk->expected : "",
                 is_dated ? ", on " : "", is_dated ? talk->until : "");
        err = ERR_AUTH;
    } else {
        const char *known = NULL;
        for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
            if (ERR_GET_LIB(code) == ERR_LIB_SSL && refusals[i].reason == reason) {
                known = refusals[i].why;
                err = refusals[i].err;
            }
        }
        buf_put_str(&why, known != NULL ? known : "what came is broken TLS: ");
        buf_put_str(&why, known != NULL ? "" : word != NULL ? word : "no reason is known");
        (void)buf_cstr(&why);
    }
    ERR_clear_error();
    return err;
}

/* Called by OpenSSL for each certificate of the chain: notes the first that is wrong, decides nothing. */
int tls_talk_looks(int is_good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_talk *talk = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate == NULL || talk->fault != X509_V_OK) {
        return is_good;
    }
    X509_NAME_oneline(X509_get_subject_name(certificate), talk->subject, sizeof talk->subject);
    if (!is_good) {
        talk->fault = X509_STORE_CTX_get_error(store);
        talk->is_signer = X509_STORE_CTX_get_error_depth(store) > 0;
        tls_date(X509_get0_notAfter(certificate), talk->until, sizeof talk->until);
    }
    return is_good;
}

/* --- one connection --------------------------------------------------------------------------------- */

/* The certificate must name this host, and the greeting says which one we want where it is a name. */
static bool expect(struct tls_talk *talk, const char *host)
{
    uint8_t number[16];
    struct slice name = slice_str(host);
    name = slice_cut(&name, '%'); /* a scope of IPv6 is ours, not the certificate's */
    if (slice_text(name, talk->expected, sizeof talk->expected) != ERR_OK) {
        return false;
    }
    bool is_number = inet_pton(AF_INET, talk->expected, number) == 1 ||
                     inet_pton(AF_INET6, talk->expected, number) == 1;
    X509_VERIFY_PARAM *param = SSL_get0_param(talk->ssl);
    if (is_number) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, talk->expected) == 1;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, talk->expected, 0) == 1 &&
           SSL_set_tlsext_host_name(talk->ssl, talk->expected) == 1;
}

struct tls_talk *tls_talk_begin(struct tls_side *side, const char *expected)
{
    struct tls_talk *talk = calloc(1, sizeof *talk);
    if (talk == NULL) {
        return NULL;
    }
    talk->is_dialling = tls_side_is_dialling(side);
    talk->ssl = SSL_new(tls_side_context(side));
    talk->in = BIO_new(BIO_s_mem());
    talk->out = BIO_new(BIO_s_mem());
    if (talk->ssl == NULL || talk->in == NULL || talk->out == NULL) {
        BIO_free(talk->in);
        BIO_free(talk->out);
        SSL_free(talk->ssl);
        free(talk);
        return NULL;
    }
    SSL_set_bio(talk->ssl, talk->in, talk->out);
    SSL_set_app_data(talk->ssl, talk);
    if (talk->is_dialling) {
        SSL_set_connect_state(talk->ssl);
    } else {
        SSL_set_accept_state(talk->ssl);
    }
    if (talk->is_dialling && (expected == NULL || !expect(talk, expected))) {
        tls_talk_end(talk);
        return NULL;
    }
    return talk;
}

void tls_talk_end(struct tls_talk *talk)
{
    if (talk != NULL) {
        SSL_free(talk->ssl);
        free(talk);
    }
}

enum err tls_talk_take(struct tls_talk *talk, struct slice bytes)
{
    if (!talk->has_begun && bytes.len > 0) {
        bool is_tls =
            bytes.at[0] == RECORD_HANDSHAKE || (talk->is_dialling && bytes.at[0] == RECORD_ALERT);
        talk->has_begun = true;
        if (!is_tls) {
            (void)slice_text(slice_str(talk->is_dialling
                                           ? "the peer speaks clear text where TLS is configured"
                                           : "somebody speaks clear text on a TLS port"),
                             talk->why, sizeof talk->why);
            return ERR_NOT_MINE;
        }
    }
    if (BIO_write(talk->in, bytes.at, (int)bytes.len) != (int)bytes.len) {
        (void)slice_text(slice_str("there is no memory for TLS"), talk->why, sizeof talk->why);
        return ERR_FULL;
    }
    return ERR_OK;
}

enum err tls_talk_shake(struct tls_talk *talk)
{
    ERR_clear_error(); /* the web pages' library shares the queue */
    int done = SSL_do_handshake(talk->ssl);
    if (done == 1) {
        return ERR_OK;
    }
    return SSL_get_error(talk->ssl, done) == SSL_ERROR_WANT_READ ? ERR_MORE : explain(talk);
}

enum err tls_talk_read(struct tls_talk *talk, uint8_t *room, size_t len, size_t *ret_len)
{
    ERR_clear_error();
    *ret_len = 0;
    if (SSL_read_ex(talk->ssl, room, len, ret_len) == 1) {
        return ERR_OK;
    }
    switch (SSL_get_error(talk->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return ERR_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return ERR_NOT_FOUND;
    default:
        return explain(talk);
    }
}

enum err tls_talk_write(struct tls_talk *talk, struct slice plain)
{
    size_t put = 0;
    ERR_clear_error();
    if (plain.len == 0 ||
        (SSL_write_ex(talk->ssl, plain.at, plain.len, &put) == 1 && put == plain.len)) {
        return ERR_OK;
    }
    return explain(talk);
}

void tls_talk_bye(struct tls_talk *talk)
{
    ERR_clear_error();
    (void)SSL_shutdown(talk->ssl);
    ERR_clear_error();
}

size_t tls_talk_waiting(const struct tls_talk *talk)
{
    return BIO_ctrl_pending(talk->out);
}

size_t tls_talk_pull(struct tls_talk *talk, uint8_t *room, size_t len)
{
    int got = len == 0 ? 0 : BIO_read(talk->out, room, len < INT32_MAX ? (int)len : INT32_MAX);
    return got > 0 ? (size_t)got : 0;
}

const char *tls_talk_why(const struct tls_talk *talk)
{
    return talk->why;
}

const char *tls_talk_subject(const struct tls_talk *talk)
{
    return talk->subject;
}
