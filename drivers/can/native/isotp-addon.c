/*
 * What JavaScript sees of ISO-TP: isotpMissing, isotpOpen, isotpSend, isotpClose. native-addon.ts states the types.
 *
 * Receiving is up to the event loop of JavaScript, which polls the socket and never waits in it; sending to a thread a channel.
 */
#include "isotp-addon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "errno-name.h"
#include "isotp-sender.h"
#include "isotp-socket.h"

#define MAX_CHANNELS 256

/* PDUs of one channel handed over before the rest of the event loop gets a turn. */
#define PDUS_PER_TURN 64

/* The numbers of `kind` in onNews, NATIVE_ISOTP_NEWS in native-addon.ts. */
enum news { NEWS_PDU = 0, NEWS_ERROR = 1, NEWS_SENT = 2 };

struct isotp_addon;

struct channel {
  struct isotp_addon *addon;
  int slot; /* -1 once it is closed */
  struct isotp_sender sender;
  uv_poll_t poll;
  uv_async_t told; /* by the sender's thread */
  int open_handles;
  uint8_t *room; /* for one PDU */
  size_t room_bytes;
  napi_ref on_news;
  /* Under `lock`, from the sender's thread. */
  uv_mutex_t lock;
  bool has_sent;
  int sent_fault;
  bool has_ended;
};

struct isotp_addon {
  napi_env env;
  uv_loop_t *loop;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  bool is_ending; /* the environment ends as soon as no channel is left */
  int channel_count; /* closing ones too */
  struct channel *channels[MAX_CHANNELS];
};

static void finish_environment(struct isotp_addon *addon) {
  napi_remove_async_cleanup_hook(addon->hook);
  free(addon);
}

static void free_channel(struct channel *channel) {
  struct isotp_addon *addon = channel->addon;
  uv_mutex_destroy(&channel->lock);
  free(channel->room);
  free(channel);
  addon->channel_count -= 1;
  if (addon->is_ending && addon->channel_count == 0) finish_environment(addon);
}

static void on_handle_closed(uv_handle_t *handle) {
  struct channel *channel = handle->data;
  channel->open_handles -= 1;
  if (channel->open_handles == 0) free_channel(channel);
}

/* Calls onNews(kind, value, pdu); of the two `NULL` becomes undefined. */
static void tell(struct channel *channel, enum news kind, napi_value value, napi_value pdu) {
  struct isotp_addon *addon = channel->addon;
  napi_value callback;
  napi_value receiver;
  napi_value undefined;
  napi_value kind_value;
  napi_get_reference_value(addon->env, channel->on_news, &callback);
  napi_get_global(addon->env, &receiver);
  napi_get_undefined(addon->env, &undefined);
  napi_create_uint32(addon->env, kind, &kind_value);
  const napi_value arguments[] = {kind_value, value == NULL ? undefined : value, pdu == NULL ? undefined : pdu};
  if (napi_make_callback(addon->env, addon->context, receiver, callback, 3, arguments, NULL) != napi_pending_exception) return;
  napi_value thrown;
  napi_get_and_clear_last_exception(addon->env, &thrown);
  napi_fatal_exception(addon->env, thrown);
}

static void tell_fault(struct channel *channel, enum news kind, int fault) {
  if (channel->slot < 0) return;
  napi_handle_scope scope;
  if (napi_open_handle_scope(channel->addon->env, &scope) != napi_ok) return;
  napi_value name = NULL;
  if (fault != 0) napi_create_string_utf8(channel->addon->env, errno_name(fault), NAPI_AUTO_LENGTH, &name);
  tell(channel, kind, name, NULL);
  napi_close_handle_scope(channel->addon->env, scope);
}

static void tell_pdu(struct channel *channel, const struct isotp_pdu *pdu) {
  napi_env env = channel->addon->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  void *data;
  napi_value buffer;
  napi_value bytes;
  napi_value time;
  if (napi_create_arraybuffer(env, pdu->length, &data, &buffer) == napi_ok) {
    memcpy(data, channel->room, pdu->length);
    napi_create_typedarray(env, napi_uint8_array, pdu->length, buffer, 0, &bytes);
    napi_create_double(env, pdu->received_at_us, &time);
    tell(channel, NEWS_PDU, time, bytes);
  }
  napi_close_handle_scope(env, scope);
}

/* Takes what has come. A PDU that is longer than the room for it is ENOBUFS. */
static void receive_all(struct channel *channel) {
  for (int turn = 0; turn < PDUS_PER_TURN && channel->slot >= 0; turn += 1) {
    struct isotp_pdu pdu;
    int fault = isotp_socket_receive(channel->sender.fd, channel->room, channel->room_bytes, &pdu);
    if (fault == EAGAIN) return;
    if (fault != 0) {
      tell_fault(channel, NEWS_ERROR, fault);
    } else if (pdu.truncated) {
      tell_fault(channel, NEWS_ERROR, ENOBUFS);
    } else {
      tell_pdu(channel, &pdu);
    }
  }
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  struct channel *channel = poll->data;
  (void)events;
  if (status < 0) {
    /* The socket has an error to tell, at which libuv leaves it alone. */
    int fault = isotp_socket_error(channel->sender.fd);
    if (fault != 0) tell_fault(channel, NEWS_ERROR, fault);
    if (channel->slot < 0) return;
    uv_poll_start(poll, UV_READABLE, on_readable);
  }
  receive_all(channel);
}

/* On the sender's thread. */
static void on_sent(void *context, int fault) {
  struct channel *channel = context;
  uv_mutex_lock(&channel->lock);
  channel->has_sent = true;
  channel->sent_fault = fault;
  uv_mutex_unlock(&channel->lock);
  uv_async_send(&channel->told);
}

/* On the sender's thread. */
static void on_end(void *context) {
  struct channel *channel = context;
  uv_mutex_lock(&channel->lock);
  channel->has_ended = true;
  /* Under the lock, so that `told` is not closed before this returns. */
  uv_async_send(&channel->told);
  uv_mutex_unlock(&channel->lock);
}

static void on_told(uv_async_t *told) {
  struct channel *channel = told->data;
  uv_mutex_lock(&channel->lock);
  bool has_sent = channel->has_sent;
  bool has_ended = channel->has_ended;
  int fault = channel->sent_fault;
  channel->has_sent = false;
  uv_mutex_unlock(&channel->lock);
  if (has_sent) tell_fault(channel, NEWS_SENT, fault);
  if (!has_ended) return;
  isotp_sender_join(&channel->sender);
  uv_close((uv_handle_t *)told, on_handle_closed);
}

static void close_channel(struct channel *channel) {
  channel->addon->channels[channel->slot] = NULL;
  channel->slot = -1;
  /* References end with the environment; this one may be its last turn. */
  napi_delete_reference(channel->addon->env, channel->on_news);
  uv_close((uv_handle_t *)&channel->poll, on_handle_closed);
  isotp_sender_end(&channel->sender);
}

static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  struct isotp_addon *addon = data;
  (void)hook;
  addon->is_ending = true;
  for (int slot = 0; slot < MAX_CHANNELS; slot += 1) {
    if (addon->channels[slot] != NULL) close_channel(addon->channels[slot]);
  }
  if (addon->channel_count == 0) finish_environment(addon);
}

/* Starts polling and the sender's thread of an open socket, which they close. Returns 0 or an errno. */
static int start_channel(struct channel *channel, int fd) {
  struct isotp_addon *addon = channel->addon;
  channel->sender = (struct isotp_sender){.fd = fd, .on_sent = on_sent, .on_end = on_end, .context = channel};
  channel->poll.data = channel;
  channel->told.data = channel;
  int fault = -uv_poll_init(addon->loop, &channel->poll, fd);
  if (fault != 0) return fault;
  channel->open_handles = 1;
  fault = -uv_async_init(addon->loop, &channel->told, on_told);
  if (fault == 0) {
    channel->open_handles = 2;
    fault = isotp_sender_start(&channel->sender);
    if (fault != 0) uv_close((uv_handle_t *)&channel->told, on_handle_closed);
  }
  if (fault != 0) uv_close((uv_handle_t *)&channel->poll, on_handle_closed);
  else uv_poll_start(&channel->poll, UV_READABLE, on_readable);
  return fault;
}

static int open_channel(struct isotp_addon *addon, const struct isotp_socket_options *options, size_t max_bytes,
                        struct channel **out) {
  struct channel *channel = calloc(1, sizeof(*channel));
  uint8_t *room = malloc(max_bytes);
  int fd;
  int fault = channel == NULL || room == NULL ? ENOMEM : isotp_socket_open(options, &fd);
  if (fault != 0) {
    free(channel);
    free(room);
    return fault;
  }
  channel->addon = addon;
  channel->slot = -1;
  channel->room = room;
  channel->room_bytes = max_bytes;
  uv_mutex_init(&channel->lock);
  addon->channel_count += 1;
  fault = start_channel(channel, fd);
  *out = channel;
  if (fault == 0) return 0;
  close(fd);
  /* With a handle it is freed when that is closed. */
  if (channel->open_handles == 0) free_channel(channel);
  return fault;
}

/* The words of `options` in isotpOpen. */
enum word { TX_ID, RX_ID, FLAGS, TX_BYTE, RX_BYTE, PADDING, MTU, TX_DL, TX_FLAGS, BLOCK_SIZE, STMIN, MAX_BYTES, WORDS };

static bool read_options(napi_env env, const napi_value *values, struct isotp_socket_options *out, size_t *max_bytes) {
  size_t length = 0;
  char name[IFNAMSIZ + 1];
  memset(out, 0, sizeof(*out));
  if (napi_get_value_string_utf8(env, values[0], name, sizeof(name), &length) != napi_ok) return false;
  if (length == 0 || length >= IFNAMSIZ) return false;
  memcpy(out->interface, name, length);
  napi_typedarray_type type;
  void *data;
  if (napi_get_typedarray_info(env, values[1], &type, &length, &data, NULL, NULL) != napi_ok) return false;
  if (type != napi_uint32_array || length != WORDS) return false;
  const uint32_t *words = data;
  out->tx_id = words[TX_ID];
  out->rx_id = words[RX_ID];
  /* Without waiting for the end a failed transmission is told to nobody. Frames are not slowed down beyond what the other side asks for. */
  out->general.flags = words[FLAGS] | CAN_ISOTP_WAIT_TX_DONE;
  out->general.frame_txtime = CAN_ISOTP_FRAME_TXTIME_ZERO;
  out->general.ext_address = (uint8_t)words[TX_BYTE];
  out->general.rx_ext_address = (uint8_t)words[RX_BYTE];
  out->general.txpad_content = (uint8_t)words[PADDING];
  out->flow_control.bs = (uint8_t)words[BLOCK_SIZE];
  out->flow_control.stmin = (uint8_t)words[STMIN];
  out->link_layer.mtu = (uint8_t)words[MTU];
  out->link_layer.tx_dl = (uint8_t)words[TX_DL];
  out->link_layer.tx_flags = (uint8_t)words[TX_FLAGS];
  *max_bytes = words[MAX_BYTES];
  return *max_bytes > 0;
}

static struct isotp_addon *read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &given, values, NULL, &data) != napi_ok || given != count) return NULL;
  return data;
}

/* isotpOpen(interface, options: Uint32Array, onNews): slot */
static napi_value js_open(napi_env env, napi_callback_info info) {
  napi_value values[3];
  struct isotp_addon *addon = read_arguments(env, info, 3, values);
  struct isotp_socket_options options;
  size_t max_bytes;
  napi_valuetype kind;
  if (addon == NULL || !read_options(env, values, &options, &max_bytes) ||
      napi_typeof(env, values[2], &kind) != napi_ok || kind != napi_function) {
    return throw_errno(env, EINVAL);
  }
  int slot = 0;
  while (slot < MAX_CHANNELS && addon->channels[slot] != NULL) slot += 1;
  if (slot == MAX_CHANNELS) return throw_errno(env, EMFILE);
  struct channel *channel;
  int fault = open_channel(addon, &options, max_bytes, &channel);
  if (fault != 0) return throw_errno(env, fault);
  napi_create_reference(env, values[2], 1, &channel->on_news);
  channel->slot = slot;
  addon->channels[slot] = channel;
  napi_value result;
  napi_create_int32(env, slot, &result);
  return result;
}

/* The open channel that values[0] names, or NULL after throwing. */
static struct channel *read_channel(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  struct isotp_addon *addon = read_arguments(env, info, count, values);
  int32_t slot = -1;
  bool ok = addon != NULL && napi_get_value_int32(env, values[0], &slot) == napi_ok && slot >= 0 && slot < MAX_CHANNELS &&
            addon->channels[slot] != NULL;
  if (!ok) throw_errno(env, EINVAL);
  return ok ? addon->channels[slot] : NULL;
}

/* isotpSend(slot, pdu: Uint8Array): void */
static napi_value js_send(napi_env env, napi_callback_info info) {
  napi_value values[2];
  struct channel *channel = read_channel(env, info, 2, values);
  if (channel == NULL) return NULL;
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, values[1], &type, &length, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) {
    return throw_errno(env, EINVAL);
  }
  int fault = isotp_sender_send(&channel->sender, data, length);
  return fault == 0 ? NULL : throw_errno(env, fault);
}

/* isotpClose(slot): void; onNews is not called afterwards */
static napi_value js_close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct channel *channel = read_channel(env, info, 1, values);
  if (channel != NULL) close_channel(channel);
  return NULL;
}

/* isotpMissing(): the errno name of why the kernel has no ISO-TP, or undefined */
static napi_value js_missing(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value result = NULL;
  int fault = isotp_socket_probe();
  if (fault != 0) napi_create_string_utf8(env, errno_name(fault), NAPI_AUTO_LENGTH, &result);
  return result;
}

int isotp_addon_init(napi_env env, napi_value exports) {
  struct isotp_addon *addon = calloc(1, sizeof(*addon));
  if (addon == NULL) return ENOMEM;
  addon->env = env;
  napi_value name;
  napi_create_string_utf8(env, "causeway:isotp", NAPI_AUTO_LENGTH, &name);
  if (napi_get_uv_event_loop(env, &addon->loop) != napi_ok || napi_async_init(env, NULL, name, &addon->context) != napi_ok ||
      napi_add_async_cleanup_hook(env, on_environment_end, addon, &addon->hook) != napi_ok) {
    free(addon);
    return ENOMEM;
  }
  const napi_property_descriptor functions[] = {
      {"isotpMissing", NULL, js_missing, NULL, NULL, NULL, napi_enumerable, addon},
      {"isotpOpen", NULL, js_open, NULL, NULL, NULL, napi_enumerable, addon},
      {"isotpSend", NULL, js_send, NULL, NULL, NULL, napi_enumerable, addon},
      {"isotpClose", NULL, js_close, NULL, NULL, NULL, napi_enumerable, addon},
  };
  napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions);
  return 0;
}
