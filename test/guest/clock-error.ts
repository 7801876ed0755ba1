/** MAXERROR, ESTERROR and STATUS (linux/timex.h). */
const MODES = 0x1c;
/** STA_INS (linux/timex.h): a second is inserted at the end of the day. */
const INSERT_SECOND = 0x10;

/**
 * A shell command that tells the kernel, as a time service does, that its clock is off by at most `us`; 16 s says that nobody knows.
 * By adjtimex(2) of x86-64, from perl, which every Debian has.
 */
export function setClockError(us: number): string {
  return setClockStatus(us, 0);
}

/** The same, and that a leap second is due at the end of the day. */
export function announceLeapSecond(us: number): string {
  return setClockStatus(us, INSERT_SECOND);
}

function setClockStatus(us: number, status: number): string {
  return `perl -e 'my $timex = pack("Lx4q4lx164", ${MODES}, 0, 0, ${us}, ${us}, ${status}); exit(syscall(159, $timex) < 0)'`;
}
