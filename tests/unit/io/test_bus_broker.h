/* test_bus_broker.h - a broker of our own for a test: the product's template on a free loopback port.
 *
 * Used by test_bus*.c. Starts one child, ends it by its pid, leaves nothing behind.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct test_broker {
    char dir[64];
    int port;
    pid_t pid;
};

/* A port that nobody has just now; the broker binds it a moment later. */
static inline int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    if (bind(fd, (struct sockaddr *)&at, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        abort();
    }
    (void)close(fd);
    return ntohs(at.sin_port);
}

static inline void shell(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof(line) || system(line) != 0) {
        (void)fprintf(stderr, "failed: %s\n", line);
        abort();
    }
}

/* Returns when the broker accepts connections. */
static inline void broker_start(struct test_broker *broker)
{
    char config[128];
    (void)snprintf(config, sizeof(config), "%s/mosquitto.conf", broker->dir);
    broker->pid = fork();
    if (broker->pid == 0) {
        int log = open("/dev/null", O_WRONLY);
        (void)dup2(log, 2);
        (void)execl("/usr/sbin/mosquitto", "mosquitto", "-c", config, (char *)NULL);
        _exit(127);
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)broker->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int attempt = 0; attempt < 500; attempt++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool is_up = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
        (void)close(fd);
        if (is_up) {
            return;
        }
        if (waitpid(broker->pid, NULL, WNOHANG) == broker->pid) {
            break;
        }
        (void)usleep(10000);
    }
    (void)fprintf(stderr, "the broker does not start with the configuration in %s\n", broker->dir);
    abort();
}

static inline void broker_kill(struct test_broker *broker)
{
    if (broker->pid > 0) {
        (void)kill(broker->pid, SIGKILL);
        (void)waitpid(broker->pid, NULL, 0);
        broker->pid = 0;
    }
}

static inline void broker_setup(struct test_broker *broker)
{
    (void)snprintf(broker->dir, sizeof(broker->dir), "/tmp/samlarm-broker-XXXXXX");
    if (mkdtemp(broker->dir) == NULL) {
        abort();
    }
    broker->port = free_port();
    shell("sed -e 's|@STATE@|%s|g' -e 's|@PORT@|%d|g' %s/broker/mosquitto.conf.in "
          "> %s/mosquitto.conf",
          broker->dir, broker->port, CONFIG_DIR, broker->dir);
    shell("cp %s/broker/acl.in %s/acl && chmod 600 %s/acl", CONFIG_DIR, broker->dir, broker->dir);
    shell("umask 077; touch %s/passwords; for user in gateway listener centre topics "
          "network-server d1 d2; do "
          "mosquitto_passwd -b %s/passwords $user secret-$user; done",
          broker->dir, broker->dir);
    broker_start(broker);
}

/* A second listener, with TLS and a certificate that names `name` and nothing else; *ret_port is its own.
 * DIR/ca.pem has signed it, DIR/other.pem has not. */
static inline void broker_with_tls(struct test_broker *broker, const char *name, int *ret_port)
{
    broker_kill(broker);
    *ret_port = free_port();
    shell(
        "cd %s && for who in ca other; do openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "
        "/CN=$who -keyout $who.key -out $who.pem 2>/dev/null; done",
        broker->dir);
    shell("cd %s && openssl req -newkey rsa:2048 -nodes -subj /CN=broker -keyout key.pem -out "
          "req.pem "
          "2>/dev/null && echo 'subjectAltName=DNS:%s' > ext && openssl x509 -req -in req.pem -CA "
          "ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem 2>/dev/null",
          broker->dir, name);
    shell("cd %s && printf 'listener %d 127.0.0.1\\nsocket_domain ipv4\\ncertfile %s/cert.pem\\n"
          "keyfile %s/key.pem\\nuse_username_as_clientid true\\n' >> mosquitto.conf",
          broker->dir, *ret_port, broker->dir, broker->dir);
    broker_start(broker);
}

/* After broker_with_tls: it lets in only who shows a certificate that DIR/ca.pem has signed. */
static inline void broker_asks_for_certificates(struct test_broker *broker)
{
    broker_kill(broker);
    shell("cd %s && printf 'cafile %s/ca.pem\\nrequire_certificate true\\n' >> mosquitto.conf",
          broker->dir, broker->dir);
    broker_start(broker);
}

static inline void broker_remove(struct test_broker *broker)
{
    broker_kill(broker);
    shell("rm -rf %s", broker->dir);
}
