// open-loop PORT RATE CONNECTIONS SECONDS PATH HEADER: sends GET requests to 127.0.0.1:PORT at a fixed rate over keep-alive connections, whether
// or not earlier ones were answered. A request that finds no free connection waits, and its latency counts from the moment when it was due: a
// stall of the proxy is seen by every request that fell into it (no coordinated omission). Prints "requests errors p50 p99 p99.9", microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
  int fd;
  int64_t due;
  size_t length;
  char buffer[8192];
};

static struct connection *connections;
static int *idle;
static int idle_count;
static char request[2048];
static size_t request_length;
static int64_t *latencies;
static long answered, errors;

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void open_connection(int epoll, int index, int port) {
  struct connection *one = &connections[index];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int yes = 1;
  one->fd = socket(AF_INET, SOCK_STREAM, 0);
  one->length = 0;
  if (connect(one->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, one->fd, &event) != 0) fail("epoll_ctl");
  idle[idle_count++] = index;
}

static void start_request(int64_t due) {
  struct connection *one = &connections[idle[--idle_count]];
  one->due = due;
  // A request is far smaller than the send buffer of an idle connection; a write that fails shows as a read that fails.
  (void)!send(one->fd, request, request_length, MSG_NOSIGNAL);
}

// Octets of the whole response at the start of the buffer, 0 when it is not complete, -1 when it is not a 200 with Content-Length.
static long response_length(struct connection *one) {
  one->buffer[one->length] = 0;
  char *end = strstr(one->buffer, "\r\n\r\n");
  if (end == NULL) return 0;
  char *length = strcasestr(one->buffer, "\r\ncontent-length:");
  if (strncmp(one->buffer, "HTTP/1.1 200", 12) != 0 || length == NULL || length > end) return -1;
  long whole = end + 4 - one->buffer + atol(length + 17);
  return (long)one->length < whole ? 0 : whole;
}

// True when the connection answered (or broke) and is free again.
static int receive(int epoll, int index, int port) {
  struct connection *one = &connections[index];
  ssize_t count = recv(one->fd, one->buffer + one->length, sizeof one->buffer - 1 - one->length, 0);
  if (count > 0) {
    one->length += count;
    long whole = response_length(one);
    if (whole == 0 && one->length < sizeof one->buffer - 1) return 0;
    if (whole == (long)one->length) {
      latencies[answered++] = now_ns() - one->due;
      one->length = 0;
      idle[idle_count++] = index;
      return 1;
    }
  }
  errors += 1;
  close(one->fd);
  open_connection(epoll, index, port);
  return 1;
}

static int by_size(const void *one, const void *other) {
  int64_t difference = *(const int64_t *)one - *(const int64_t *)other;
  return (difference > 0) - (difference < 0);
}

static double quantile_us(double share) {
  long index = share * answered;
  return answered == 0 ? 0 : latencies[index < answered ? index : answered - 1] / 1000.0;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int port = atoi(argv[1]), count = atoi(argv[3]);
  long total = atol(argv[2]) * atol(argv[4]);
  int64_t interval = 1000000000LL / atol(argv[2]);
  request_length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n\r\n", argv[5], argv[6]);
  prctl(PR_SET_TIMERSLACK, 1000);
  connections = calloc(count, sizeof *connections);
  idle = calloc(count, sizeof *idle);
  latencies = calloc(total, sizeof *latencies);
  int epoll = epoll_create1(0);
  for (int index = 0; index < count; index += 1) open_connection(epoll, index, port);
  int64_t start = now_ns();
  int64_t give_up = start + total * interval + 2000000000LL;
  long sent = 0;
  while (answered + errors < total && now_ns() < give_up) {
    while (sent < total && idle_count > 0 && start + sent * interval <= now_ns()) start_request(start + sent++ * interval);
    int64_t wait = (sent < total && idle_count > 0 ? start + sent * interval : give_up) - now_ns();
    if (wait < 0) wait = 0;
    struct timespec timeout = {.tv_sec = wait / 1000000000LL, .tv_nsec = wait % 1000000000LL};
    struct epoll_event events[64];
    int ready = epoll_pwait2(epoll, events, 64, &timeout, NULL);
    if (ready < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int index = 0; index < ready; index += 1) {
      int64_t due = start + sent * interval;
      if (receive(epoll, events[index].data.u32, port) && sent < total && due <= now_ns()) {
        start_request(due);
        sent += 1;
      }
    }
  }
  errors += total - answered - errors;
  qsort(latencies, answered, sizeof *latencies, by_size);
  printf("%ld %ld %.1f %.1f %.1f\n", answered, errors, quantile_us(0.5), quantile_us(0.99), quantile_us(0.999));
  return 0;
}
