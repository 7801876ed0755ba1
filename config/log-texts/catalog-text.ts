/**
 * What an operator does about an event of the log. @NAME@ is a field of the entry (CAUSEWAY_NAME): the event has it as a fact. `subject`
 * is a line of at most 80 characters.
 */
export type CatalogText = { readonly subject: string; readonly cause: string; readonly remedy: string };
