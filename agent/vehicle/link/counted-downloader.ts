import type { Downloader } from "../../ports/update.ts";

/** What a segment of TCP over IPv4 adds to its data, a half of the answer to two of them, and the data that it has at an MTU of 1400. */
const SEGMENT = { overheadBytes: 78, dataBytes: 1348 } as const;

/**
 * `downloader`, whose bytes `spent` gets as they come, with an estimate of what the layers below add. What comes again counts again; what
 * lies on the vehicle's own disk does not count.
 */
export function countedDownloader(downloader: Downloader, spent: (bytes: number) => void): Downloader {
  return {
    download: (source, artifact, onProgress, signal) => {
      if (source.kind === "file") return downloader.download(source, artifact, onProgress, signal);
      // The first word is of what was there before.
      let there: number | undefined;
      const counting = (bytes: number): void => {
        const more = there === undefined ? 0 : bytes - there;
        if (more > 0) spent(more + Math.ceil(more / SEGMENT.dataBytes) * SEGMENT.overheadBytes);
        there = bytes;
        onProgress(bytes);
      };
      return downloader.download(source, artifact, counting, signal);
    },
  };
}
