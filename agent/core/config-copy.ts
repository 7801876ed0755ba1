/** Files that are read in place of those that the vehicle's own configuration is made of and names. */
export type ConfigCopy = {
  /** The copy of the main file; that of agent.d is beside it. */
  readonly main: string;
  /** RFC 3339, UTC: when it was made. */
  readonly keptAt: string;
  /** Where the copy of a file is that the configuration names, by the absolute path of the file. */
  readonly files: ReadonlyMap<string, string>;
};
