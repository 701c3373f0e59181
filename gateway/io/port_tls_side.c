/* port_tls_side.c - what we show and whom we trust: files become a context of OpenSSL, and again when
 * they change.
 *
 * Called by port_tls.c, port.c and SIP. Reads files when a port opens, and afterwards only those that are
 * new; nothing else here waits for a disk.
 */
#include "io/port_tls_side.h"

#include "io/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 2000, SOON_DAYS = 30, FILES = 3 };
static const char suites[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

struct tls_side {
    char name[48];
    char *files[FILES]; /* certificate, key, ca; NULL: none */
    enum port_tls_client client;
    bool is_dialling;
    int holders;
    SSL_CTX *context;
    struct stat seen[FILES];
    int64_t look_mono_ms; /* when to look at the files again */
};

enum { CERTIFICATE, KEY, CA };

/* --- reading the files ------------------------------------------------------------------------------ */

/* Without it, OpenSSL would ask on the terminal and wait. */
static int no_password(char *room, int len, int is_write, void *ret_is_locked)
{
    (void)room;
    (void)len;
    (void)is_write;
    *(bool *)ret_is_locked = true;
    return -1;
}

static bool may_read(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    fclose(file);
    return true;
}

/* One sentence, with OpenSSL's own word where there is one. */
static enum err refuse(const struct tls_side *side, const char *path, const char *what,
                       char *ret_why, size_t why_room)
{
    unsigned long code = ERR_peek_error();
    const char *word = code == 0 ? NULL : ERR_reason_error_string(code);
    snprintf(ret_why, why_room, "port %s: the file %s %s%s%s%s", side->name, path, what,
             word == NULL ? "" : " (", word == NULL ? "" : word, word == NULL ? "" : ")");
    ERR_clear_error();
    return ERR_IO;
}

static enum err use_files(const struct tls_side *side, SSL_CTX *context, char *ret_why,
                          size_t why_room)
{
    for (int i = 0; i < FILES; i++) {
        if (side->files[i] != NULL && !may_read(side->files[i])) {
            snprintf(ret_why, why_room, "port %s: the file %s cannot be read: %s", side->name,
                     side->files[i], strerrordesc_np(errno));
            return ERR_IO;
        }
    }
    const char *certificate = side->files[CERTIFICATE];
    const char *key = side->files[KEY];
    bool is_locked = false;
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, &is_locked);
    if (certificate != NULL && SSL_CTX_use_certificate_chain_file(context, certificate) != 1) {
        return refuse(side, certificate, "holds no certificate that can be used, in PEM form",
                      ret_why, why_room);
    }
    if (key != NULL && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        bool is_other = ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509;
        return refuse(side, key,
                      is_other ? "is not the key of the certificate; give the pair that was made "
                                 "together"
                      : is_locked ? "is locked with a password; store the key without one, mode 600"
                                  : "holds no private key in PEM form",
                      ret_why, why_room);
    }
    const char *ca = side->files[CA];
    int found = 1;
    if (ca != NULL) {
        found = SSL_CTX_load_verify_file(context, ca);
    } else if (side->is_dialling) {
        found = SSL_CTX_set_default_verify_paths(context);
    }
    if (found != 1) {
        return refuse(side, ca != NULL ? ca : "of the system's authorities",
                      "holds no certificates of those who may sign, in PEM form", ret_why,
                      why_room);
    }
    if (ca != NULL && !side->is_dialling) {
        SSL_CTX_set_client_CA_list(context,
                                   SSL_load_client_CA_file(ca)); /* a hint for the device */
    }
    return ERR_OK;
}

void tls_date(const ASN1_TIME *time, char *ret_text, size_t room)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(ret_text, room, "%Y-%m-%d", &tm) == 0) {
        snprintf(ret_text, room, "?");
    }
}

/* A certificate of ours that nobody will take is used all the same: not everybody checks. */
static void note_age(const struct tls_side *side, SSL_CTX *context)
{
    char until[16];
    int days = 0;
    int seconds = 0;
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (certificate == NULL) {
        return;
    }
    const ASN1_TIME *end = X509_get0_notAfter(certificate);
    if (ASN1_TIME_diff(&days, &seconds, NULL, end) != 1 || days >= SOON_DAYS) {
        return;
    }
    tls_date(end, until, sizeof until);
    bool is_over = days < 0 || seconds < 0;
    log_event(is_over ? LOG_ERROR : LOG_WARN, is_over ? "tls.expired" : "tls.expires", "port",
              side->name, "file", side->files[CERTIFICATE], "until", until, "do",
              "put a new certificate in its place; it is taken without a restart", NULL);
}

static SSL_CTX *make_context(const struct tls_side *side, char *ret_why, size_t why_room)
{
    static const unsigned char own[] = "samlarm";
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(side->is_dialling ? TLS_client_method() : TLS_server_method());
    if (context == NULL) {
        snprintf(ret_why, why_room, "port %s: there is no memory for TLS", side->name);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, TLS_CHAIN_MAX);
    /* Whoever stands in `ca` is trusted himself, so that one certificate can be pinned there. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
    int verify =
        side->is_dialling || side->client != PORT_TLS_NONE ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
    verify |= side->client == PORT_TLS_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, verify, tls_talk_looks);
    bool is_good = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(context, suites) == 1 &&
                   SSL_CTX_set_session_id_context(context, own, sizeof own - 1) == 1;
    if (!is_good) {
        snprintf(ret_why, why_room, "port %s: this OpenSSL has no TLS 1.2 or none of our suites",
                 side->name);
    }
    is_good = is_good && use_files(side, context, ret_why, why_room) == ERR_OK;
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL); /* it pointed into a call that is over */
    if (!is_good) {
        ERR_clear_error();
        SSL_CTX_free(context);
        return NULL;
    }
    ERR_clear_error();
    note_age(side, context);
    return context;
}

/* --- files that change ------------------------------------------------------------------------------ */

static bool is_new(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* Notes how the files look now; have they changed? */
static bool look(struct tls_side *side)
{
    bool has_changed = false;
    for (int i = 0; i < FILES; i++) {
        struct stat now = {0};
        if (side->files[i] != NULL && stat(side->files[i], &now) == 0 &&
            is_new(&now, &side->seen[i])) {
            side->seen[i] = now;
            has_changed = true;
        }
    }
    return has_changed;
}

SSL_CTX *tls_side_context(struct tls_side *side)
{
    int64_t mono_ms = loop_now().mono_ms;
    if (mono_ms < side->look_mono_ms) {
        return side->context;
    }
    side->look_mono_ms = mono_ms + LOOK_MS;
    if (!look(side)) {
        return side->context;
    }
    char why[TLS_WHY_ROOM + 256];
    SSL_CTX *context = make_context(side, why, sizeof why);
    if (context == NULL) {
        count("tls_renewal_refused", side->name);
        log_event(LOG_ERROR, "tls.renewal_refused", "port", side->name, "why", why, "do",
                  "the files read before stay in force until these are good", NULL);
        return side->context;
    }
    SSL_CTX_free(side->context);
    side->context = context;
    count("tls_renewed", side->name);
    log_event(LOG_INFO, "tls.renewed", "port", side->name, NULL);
    return context;
}

bool tls_side_is_dialling(const struct tls_side *side)
{
    return side->is_dialling;
}

/* --- opening ---------------------------------------------------------------------------------------- */

static bool copy_files(struct tls_side *side, const struct port_tls *settings)
{
    const char *const from[FILES] = {settings->certificate, settings->key, settings->ca};
    for (int i = 0; i < FILES; i++) {
        side->files[i] = from[i] == NULL ? NULL : strdup(from[i]);
        if (from[i] != NULL && side->files[i] == NULL) {
            return false;
        }
    }
    return true;
}

enum err tls_side_open(const char *name, const struct port_tls *settings, bool is_dialling,
                       struct tls_side **ret_side, char *ret_why, size_t why_room)
{
    bool has_pair = settings->certificate != NULL && settings->key != NULL;
    bool has_half = (settings->certificate != NULL) != (settings->key != NULL);
    if (has_half || (!is_dialling && !has_pair)) {
        snprintf(ret_why, why_room, "port %s: TLS needs a certificate and its key", name);
        return ERR_RANGE;
    }
    if (!is_dialling && settings->client != PORT_TLS_NONE && settings->ca == NULL) {
        snprintf(ret_why, why_room,
                 "port %s: to check the devices' certificates, TLS needs to know who may sign (ca)",
                 name);
        return ERR_RANGE;
    }
    struct tls_side *side = calloc(1, sizeof *side);
    if (side == NULL) {
        snprintf(ret_why, why_room, "port %s: there is no memory for TLS", name);
        return ERR_FULL;
    }
    side->holders = 1;
    side->client = is_dialling ? PORT_TLS_NONE : settings->client;
    side->is_dialling = is_dialling;
    side->look_mono_ms = loop_now().mono_ms + LOOK_MS;
    (void)slice_text(slice_str(name), side->name, sizeof side->name);
    if (!copy_files(side, settings)) {
        snprintf(ret_why, why_room, "port %s: there is no memory for TLS", name);
        tls_side_drop(side);
        return ERR_FULL;
    }
    (void)look(side);
    side->context = make_context(side, ret_why, why_room);
    if (side->context == NULL) {
        tls_side_drop(side);
        return ERR_IO;
    }
    *ret_side = side;
    return ERR_OK;
}

struct tls_side *tls_side_hold(struct tls_side *side)
{
    side->holders++;
    return side;
}

void tls_side_drop(struct tls_side *side)
{
    if (side == NULL || --side->holders > 0) {
        return;
    }
    for (int i = 0; i < FILES; i++) {
        free(side->files[i]);
    }
    SSL_CTX_free(side->context);
    free(side);
}
