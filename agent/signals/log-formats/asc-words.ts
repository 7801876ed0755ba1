/** Bits of the flags behind the data of a `CANFD` line. Source: can-utils, asc2log.c and log2asc.c (ASC_F_RTR, ASC_F_FDF, ASC_F_BRS, ASC_F_ESI). */
export const ASC_FLAG = { remote: 0x10, fd: 0x1000, bitRateSwitch: 0x2000, errorStateIndicator: 0x4000 } as const;
