/** What people and the cloud see of the step that works; the step keeps it up to date. */
export type UpdateProgress = {
  bytes: number;
  totalBytes: number;
  waitingFor: string | undefined;
};
