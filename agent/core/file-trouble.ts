import { errnoOf, messageOf } from "./errors.ts";

/** What the system says, in words (errno(3)). */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of its path is no folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  EEXIST: "it is there already",
  ENOSPC: "no space is left on the disk",
  EDQUOT: "the quota of this user is used up",
  EROFS: "the file system is mounted read-only",
  EIO: "the disk failed",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  ELOOP: "its symbolic links go round",
  ENAMETOOLONG: "its name is too long",
  ENXIO: "nobody is at its other end",
  ECONNREFUSED: "nobody listens there",
  EADDRINUSE: "somebody listens there already",
  EADDRNOTAVAIL: "no address of this machine",
};

/** What keeps a file from being used, in words for people; the error's own message where it is none of the system's. */
export function fileTrouble(error: unknown): string {
  return WORDS[errnoOf(error) ?? ""] ?? messageOf(error);
}

/** Whether another user could do it. */
export function isDenied(error: unknown): boolean {
  return ["EACCES", "EPERM"].includes(errnoOf(error) ?? "");
}
