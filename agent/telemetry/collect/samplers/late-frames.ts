/** Frames may still be on their way so long after they were received, ms: socket and ring hold them while the main thread is busy. A window is not ended by the monotonic clock before. */
export const LATE_FRAMES_MS = 1000;
