#ifndef WHATIF_CGCRYPT_SHIM_H
#define WHATIF_CGCRYPT_SHIM_H

#include <gcrypt.h>

// Swift cannot call what takes any number of arguments.
static inline gcry_error_t whatif_gcry_control(enum gcry_ctl_cmds command) {
    return gcry_control(command, 0);
}

#endif
