/**
 * Vector's binary log (BLF): a header, then objects, most of them containers that hold further objects, compressed with zlib.
 * Little-endian. There is no public specification; what stands here was read from python-can io/blf.py and checked against
 * the files of its test/data, which Vector's tools wrote.
 */
export const BLF = {
  fileSignature: 0x4747_4f4c, // LOGG
  objectSignature: 0x4a42_4f4c, // LOBJ
  fileHeaderBytes: 144,
  objectHeaderBytes: 16,
  /** Behind the header of a container: method u16, 6 reserved, uncompressed size u32, 4 reserved. */
  containerHeaderBytes: 16,
  uncompressed: 0,
  zlib: 2,
} as const;

/** Types of objects. Source: python-can io/blf.py; canFdError64, appText: driftregion/EmbeddedBLFLogger and Vector BLF (ObjectType). */
export const BLF_TYPE = {
  canMessage: 1,
  canError: 2,
  container: 10,
  appText: 65,
  canErrorExt: 73,
  canMessage2: 86,
  canFdMessage: 100,
  canFdMessage64: 101,
  canFdError64: 104,
} as const;

/** Units of a time stamp by the flags of its object: 10 µs, or ns. */
export const BLF_TIME = { tenMicroseconds: 1, nanoseconds: 2 } as const;

/** Bit of an id of 29 bits. */
export const BLF_EXTENDED = 0x8000_0000;
/** Flag of a frame that the recorder sent in CAN_MESSAGE and CAN_FD_MESSAGE; what the direction of CAN_FD_MESSAGE_64 is for one. */
export const BLF_SENT = 0x01;
/** Flag of a remote frame in CAN_MESSAGE and CAN_FD_MESSAGE. */
export const BLF_REMOTE = 0x80;
/** Flags of CAN_FD_MESSAGE. */
export const BLF_FD = { fd: 0x01, bitRateSwitch: 0x02, errorStateIndicator: 0x04 } as const;
/** Flags of CAN_FD_MESSAGE_64. */
export const BLF_FD64 = { remote: 0x10, fd: 0x1000, bitRateSwitch: 0x2000, errorStateIndicator: 0x4000 } as const;

/** Offsets in the header of the file. */
export const BLF_HEADER = {
  headerBytes: 4,
  versions: 8,
  fileBytes: 16,
  allBytes: 24,
  objects: 32,
  startTime: 40,
  endTime: 56,
} as const;
