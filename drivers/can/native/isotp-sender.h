/*
 * The thread of one ISO-TP socket that sends and, at the end, closes.
 *
 * Both wait in the kernel: a send until the last frame is out, because only so it tells how it ended, and a close until a transmission
 * has ended, which can be minutes. A signal ends either wait: the thread gets one every few milliseconds once it is to end.
 */
#ifndef CAUSEWAY_ISOTP_SENDER_H
#define CAUSEWAY_ISOTP_SENDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct isotp_sender {
  int fd;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wanted;
  uint8_t *pdu; /* to send next; NULL: nothing */
  size_t length;
  bool ending;
  bool has_alarm;
  timer_t alarm; /* sends the signal, once it is set */
  /* Both on the thread: a PDU was sent (0) or was not (errno); the socket is closed, and the thread is about to end. */
  void (*on_sent)(void *context, int fault);
  void (*on_end)(void *context);
  void *context;
};

/* Starts the thread, whose `fd` is the sender's from then on. The fields of callbacks and `fd` are set before. Returns 0 or an errno. */
int isotp_sender_start(struct isotp_sender *sender);

/* Takes a copy of `pdu` to send; the one before must have ended. Returns 0 or ENOMEM. */
int isotp_sender_send(struct isotp_sender *sender, const uint8_t *pdu, size_t length);

/* Ends what is being sent, closes the socket and ends the thread, all of it soon; on_end tells. */
void isotp_sender_end(struct isotp_sender *sender);

/* After on_end. */
void isotp_sender_join(struct isotp_sender *sender);

#endif
