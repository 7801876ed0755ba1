/** What we use of unix-dgram 2.0, which has no types of its own. */
declare module "unix-dgram" {
  import type { EventEmitter } from "node:events";

  /** A Unix datagram socket; "message" brings each datagram as a Buffer. */
  export interface DatagramSocket extends EventEmitter {
    bind(path: string): void;
    /** The callback runs before this returns. */
    send(data: Buffer, offset: number, length: number, path: string, callback: (error?: Error) => void): void;
    close(): void;
  }

  export function createSocket(type: "unix_dgram", listener?: (message: Buffer) => void): DatagramSocket;
}
