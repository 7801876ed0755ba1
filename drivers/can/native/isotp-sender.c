#include "isotp-sender.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nobody else in the process uses it; its only effect is that a system call ends. */
#define WAKE_SIGNAL (SIGRTMAX - 1)

/* How often a thread that is to end is told. */
#define WAKE_INTERVAL_NS 5000000

/* The interface's queue is full: how often it is tried again, and for how long (N_As). */
#define RETRY_NS 2000000
#define RETRIES 500

static void on_wake_signal(int number) { (void)number; }

static void create_alarm(struct isotp_sender *sender) {
  struct sigaction action = {.sa_handler = on_wake_signal};
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WAKE_SIGNAL};
  event._sigev_un._tid = gettid();
  sigemptyset(&action.sa_mask);
  bool ok = sigaction(WAKE_SIGNAL, &action, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &event, &sender->alarm) == 0;
  pthread_mutex_lock(&sender->lock);
  /* Without it the thread ends all the same, when the kernel is ready. */
  sender->has_alarm = ok;
  pthread_mutex_unlock(&sender->lock);
}

static void set_alarm(struct isotp_sender *sender) {
  const struct itimerspec often = {.it_value = {.tv_nsec = 1}, .it_interval = {.tv_nsec = WAKE_INTERVAL_NS}};
  if (sender->has_alarm) timer_settime(sender->alarm, 0, &often, NULL);
}

static bool is_ending(struct isotp_sender *sender) {
  pthread_mutex_lock(&sender->lock);
  bool ending = sender->ending;
  pthread_mutex_unlock(&sender->lock);
  return ending;
}

/* Returns 0 or an errno; ETIMEDOUT comes from a reception, since the kernel has one error for both directions. */
static int send_whole(struct isotp_sender *sender, const uint8_t *pdu, size_t length) {
  const struct timespec pause = {.tv_nsec = RETRY_NS};
  for (int retry = 0;; retry += 1) {
    if (send(sender->fd, pdu, length, MSG_NOSIGNAL) >= 0) return 0;
    int fault = errno;
    bool is_full = fault == EAGAIN || fault == ENOBUFS || fault == EINTR;
    if (!is_full || retry == RETRIES || is_ending(sender)) return fault;
    nanosleep(&pause, NULL);
  }
}

/* Waits for something to send. NULL: the end. */
static uint8_t *next_pdu(struct isotp_sender *sender, size_t *length) {
  pthread_mutex_lock(&sender->lock);
  while (!sender->ending && sender->pdu == NULL) pthread_cond_wait(&sender->wanted, &sender->lock);
  uint8_t *pdu = sender->ending ? NULL : sender->pdu;
  if (pdu != NULL) sender->pdu = NULL;
  *length = sender->length;
  pthread_mutex_unlock(&sender->lock);
  return pdu;
}

static void *sender_main(void *argument) {
  struct isotp_sender *sender = argument;
  create_alarm(sender);
  size_t length;
  for (uint8_t *pdu = next_pdu(sender, &length); pdu != NULL; pdu = next_pdu(sender, &length)) {
    int fault = send_whole(sender, pdu, length);
    free(pdu);
    sender->on_sent(sender->context, fault);
  }
  pthread_mutex_lock(&sender->lock);
  /* It may have been too early for isotp_sender_end. */
  set_alarm(sender);
  pthread_mutex_unlock(&sender->lock);
  close(sender->fd);
  if (sender->has_alarm) timer_delete(sender->alarm);
  sender->on_end(sender->context);
  return NULL;
}

int isotp_sender_start(struct isotp_sender *sender) {
  /* All signals are the main thread's, but the one that wakes. */
  sigset_t all_but_one;
  sigset_t before;
  sigfillset(&all_but_one);
  sigdelset(&all_but_one, WAKE_SIGNAL);
  pthread_mutex_init(&sender->lock, NULL);
  pthread_cond_init(&sender->wanted, NULL);
  pthread_sigmask(SIG_SETMASK, &all_but_one, &before);
  int fault = pthread_create(&sender->thread, NULL, sender_main, sender);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (fault == 0) pthread_setname_np(sender->thread, "causeway-isotp");
  return fault;
}

int isotp_sender_send(struct isotp_sender *sender, const uint8_t *pdu, size_t length) {
  uint8_t *copy = malloc(length == 0 ? 1 : length);
  if (copy == NULL) return ENOMEM;
  memcpy(copy, pdu, length);
  pthread_mutex_lock(&sender->lock);
  free(sender->pdu);
  sender->pdu = copy;
  sender->length = length;
  pthread_cond_signal(&sender->wanted);
  pthread_mutex_unlock(&sender->lock);
  return 0;
}

void isotp_sender_end(struct isotp_sender *sender) {
  pthread_mutex_lock(&sender->lock);
  sender->ending = true;
  set_alarm(sender);
  pthread_cond_signal(&sender->wanted);
  pthread_mutex_unlock(&sender->lock);
}

void isotp_sender_join(struct isotp_sender *sender) {
  pthread_join(sender->thread, NULL);
  free(sender->pdu);
  pthread_cond_destroy(&sender->wanted);
  pthread_mutex_destroy(&sender->lock);
}
