/** PUBACK or DISCONNECT reason code: the broker's policy does not allow it (MQTT 5.0, 2.4). */
export const NOT_AUTHORIZED = 0x87;
/** PUBACK reason code: more than the broker takes now (MQTT 5.0, 3.4.2.1). */
export const QUOTA_EXCEEDED = 0x97;

/** Rejections that would come again: topic name invalid, packet too large, payload format invalid (MQTT 5.0, 3.4.2.1). */
export const PERMANENT_REJECTIONS: ReadonlySet<number> = new Set([0x90, 0x95, 0x99]);

/**
 * DISCONNECTs over a packet of ours (MQTT 5.0, table 2-6): malformed, protocol error, implementation specific, not authorised, topic name
 * invalid, topic alias invalid, packet too large, payload format invalid, retain or QoS not supported.
 */
export const BLAMES_PACKET: ReadonlySet<number> = new Set([0x81, 0x82, 0x83, 0x87, 0x90, 0x94, 0x95, 0x99, 0x9a, 0x9b]);
