/** Types that the value of an actuator may have in the protobuf flavour of commands (AWS IoT FleetWise, Commands.proto, ActuatorCommand). */
export const ACTUATOR_TYPES = [
  "double",
  "boolean",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "float",
  "string",
] as const;
export type ActuatorType = (typeof ACTUATOR_TYPES)[number];
