/* bus_tls.c - TLS to a foreign broker: whose certificate it must show, and which of ours it is shown.
 *
 * Called by bus.c once per bus. libmosquitto is given a numeric address, since it would ask DNS on the loop;
 * left to itself it would look for that number in the certificate, and ask the server for it (SNI). So
 * OpenSSL is told the name of the configuration, and checks the certificate against it by itself.
 */
#include "io/bus_inside.h"

#include <arpa/inet.h>
#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

static int no_password(char *room, int size, int is_writing, void *context)
{
    (void)room;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static void on_state(const SSL *ssl, int where, int value)
{
    (void)value;
    if ((where & SSL_CB_HANDSHAKE_START) != 0) {
        char *name = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
        SSL *mine = (SSL *)(uintptr_t)ssl;
        (void)SSL_set_tlsext_host_name(mine, name);
    }
}

/* Brokers that let in machines by certificate. A key with a password is refused: nobody is here to type. */
static bool show_own(const struct bus *bus, SSL_CTX *context)
{
    SSL_CTX_set_default_passwd_cb(context, no_password);
    return SSL_CTX_use_certificate_chain_file(context, bus->certificate) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, bus->key, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(context) == 1;
}

bool bus_tls_open(struct bus *bus)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    X509_VERIFY_PARAM *wanted = context == NULL ? NULL : SSL_CTX_get0_param(context);
    if (wanted == NULL || SSL_CTX_load_verify_locations(context, bus->ca, NULL) != 1 ||
        (X509_VERIFY_PARAM_set1_ip_asc(wanted, bus->name) != 1 &&
         X509_VERIFY_PARAM_set1_host(wanted, bus->name, 0) != 1) ||
        (bus->certificate != NULL && !show_own(bus, context))) {
        SSL_CTX_free(context);
        return false;
    }
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    struct in6_addr number;
    if (inet_pton(AF_INET, bus->name, &number) != 1 &&
        inet_pton(AF_INET6, bus->name, &number) != 1) {
        (void)SSL_CTX_set_app_data(context, bus->name);
        SSL_CTX_set_info_callback(context, on_state);
    }
    bus->tls = context;
    return true;
}

bool bus_tls_use(struct bus *bus)
{
    return mosquitto_int_option(bus->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) == 0 &&
           mosquitto_void_option(bus->mosq, MOSQ_OPT_SSL_CTX, bus->tls) == 0;
}

void bus_tls_close(struct bus *bus)
{
    SSL_CTX_free(bus->tls);
    bus->tls = NULL;
}
