/** An error frame's id in text carries this bit (CAN_ERR_FLAG, linux/can.h). */
export const ERROR_BIT = 0x2000_0000;
/** Flag bits of an FD frame in text (CANFD_BRS, CANFD_ESI, CANFD_FDF, linux/can.h). */
export const FD_BRS = 0x01;
/** The sender is error passive. */
export const FD_ESI = 0x02;
/** It is an FD frame. */
export const FD_FDF = 0x04;
