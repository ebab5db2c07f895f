/* Load for the `tcp` scenario: tcp-load SINK_PORT PROXY_PORT CONNECTIONS. It listens on SINK_PORT, opens the connections to
 * PROXY_PORT and sends on all of them as fast as they take it; what arrives at the sink is thrown away unread (MSG_TRUNC), so that
 * the tool costs less than any proxy. A line on standard input is answered by a line with the bytes that arrived so far;
 * the end of input ends it. Linux only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOURCE, SINK, LISTENER, CONTROL };

static unsigned char block[256 * 1024];
static unsigned long long arrived;
static int loop;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, unsigned kind, unsigned events) {
  struct epoll_event event = {.events = events, .data.u64 = (unsigned long long)kind << 32 | (unsigned)fd};
  if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void listen_at(int port) {
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = loopback(port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(fd, 512) < 0) fail("listen");
  watch(fd, LISTENER, EPOLLIN);
}

static void open_source(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = loopback(port);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  watch(fd, SOURCE, EPOLLOUT);
}

static void on_source(int fd) {
  if (send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN) fail("send");
}

static void on_sink(int fd) {
  ssize_t count = recv(fd, NULL, 1 << 20, MSG_DONTWAIT | MSG_TRUNC);
  if (count > 0) arrived += (unsigned long long)count;
  else if (count == 0 || errno != EAGAIN) close(fd);
}

static void on_control(void) {
  char line[64];
  if (read(0, line, sizeof line) <= 0) exit(0);
  printf("%llu\n", arrived);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  loop = epoll_create1(0);
  listen_at(atoi(argv[1]));
  watch(0, CONTROL, EPOLLIN);
  for (int left = atoi(argv[3]); left > 0; left -= 1) open_source(atoi(argv[2]));
  for (;;) {
    struct epoll_event events[64];
    int count = epoll_wait(loop, events, 64, -1);
    for (int at = 0; at < count; at += 1) {
      int fd = (int)(unsigned)events[at].data.u64;
      switch (events[at].data.u64 >> 32) {
        case SOURCE: on_source(fd); break;
        case SINK: on_sink(fd); break;
        case CONTROL: on_control(); break;
        default: {
          int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
          if (accepted >= 0) watch(accepted, SINK, EPOLLIN);
        }
      }
    }
  }
}
