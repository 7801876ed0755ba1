/** MAXERROR, ESTERROR and STATUS (linux/timex.h). */
const MODES = 0x1c;

/**
 * A shell command that tells the kernel, as a time service does, that its clock is off by at most `us`; 16 s says that nobody knows.
 * By adjtimex(2) of x86-64, from perl, which every Debian has.
 */
export function setClockError(us: number): string {
  return `perl -e 'my $timex = pack("Lx4q4lx164", ${MODES}, 0, 0, ${us}, ${us}, 0); exit(syscall(159, $timex) < 0)'`;
}
