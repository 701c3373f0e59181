/* load_device.c - devices that send SCAIP over UDP: an alarm, a reset, and the reading of the answer.
 *
 * All devices share one socket, as behind one hub. The bodies of alarms are LOAD_BODY bytes long. Never
 * repeats a message: what is lost is counted as lost.
 */
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FRAME_MAX = 2048, REF_LEN = 14, FIRST_CID = 1000000 };

static struct load_watch socket_watch;

/* "Call-ID: " and "<snu>" of our gateway; the marks tell alarm ("A") and reset ("R") apart. */
static void on_answer(struct load *load, struct load_watch *watch)
{
    char text[FRAME_MAX + 1];
    for (;;) {
        ssize_t len = recv(watch->fd, text, FRAME_MAX, MSG_DONTWAIT);
        unsigned run = 0;
        size_t index = 0;
        char mark = 0;
        if (len < 0) {
            return; /* drained; a refused port shows up as answers that never come */
        }
        text[len] = '\0';
        const char *id = strstr(text, "Call-ID: ");
        if (id == NULL || sscanf(id, "Call-ID: %c%8X%6zX", &mark, &run, &index) != 3 ||
            index >= load->settings.count) {
            load->strange++;
        } else if (mark == 'A' && run == load->run) {
            bool is_positive =
                strncmp(text, "SIP/2.0 200", 11) == 0 && strstr(text, "<snu>0</snu>") != NULL;
            load_answered(load, index, is_positive);
        }
    }
}

void device_open(struct load *load)
{
    int room = 4 << 20;
    socket_watch = (struct load_watch){on_answer, load_connect(load->settings.device, true)};
    (void)setsockopt(socket_watch.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    load_watch(load, &socket_watch);
}

static void send_message(struct load *load, char mark, size_t index, const char *words)
{
    static const char padding[] = "Pressed in the bathroom; the resident has fallen before, the "
                                  "key is in the safe at the door";
    char body[FRAME_MAX];
    char frame[FRAME_MAX];
    const struct load_settings *s = &load->settings;
    size_t cid = FIRST_CID + (s->first + index) % s->devices;
    /* a reset may not bear the reference of its alarm: that would be a repetition */
    unsigned run = mark == 'A' ? load->run : ~load->run;
    int len =
        snprintf(body, sizeof body,
                 "<mrq><ref>%08X%06zX</ref>%s<cid>%zu</cid><crd>no-voice:</crd><dte></dte></mrq>",
                 run, index, words, cid);
    int pad = mark == 'A' ? LOAD_BODY - len : 0;
    len = snprintf(
        body, sizeof body,
        "<mrq><ref>%08X%06zX</ref>%s<cid>%zu</cid><crd>no-voice:</crd><dte>%.*s</dte></mrq>", run,
        index, words, cid, pad, padding);
    if (mark == 'A' && len != LOAD_BODY) {
        load_fail("the body of an alarm has not the length that is promised", "");
    }
    len =
        snprintf(frame, sizeof frame,
                 "MESSAGE sip:alarm@127.0.0.1 SIP/2.0\r\n"
                 "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%c%08X%06zX;rport\r\n"
                 "Max-Forwards: 70\r\nFrom: <sip:%zu@127.0.0.1>;tag=%08X%06zX\r\n"
                 "To: <sip:alarm@127.0.0.1>\r\nCall-ID: %c%08X%06zX@bench\r\nCSeq: 1 MESSAGE\r\n"
                 "Content-Type: application/scaip+xml\r\nContent-Length: %d\r\n\r\n%s",
                 mark, load->run, index, cid, load->run, index, mark, load->run, index, len, body);
    if (send(socket_watch.fd, frame, (size_t)len, MSG_DONTWAIT) != len && errno != EAGAIN) {
        load_fail("the gateway does not listen at", s->device);
    }
}

void device_alarm(struct load *load, size_t index)
{
    send_message(load, 'A', index, "<mty>ME</mty><dty>0001</dty><stc>0010</stc>");
}

void device_reset(struct load *load, size_t index)
{
    send_message(load, 'R', index, "<mty>RE</mty><dty>0001</dty><stc>0093</stc>");
}
