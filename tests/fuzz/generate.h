/* Any bytes become a valid module: what reaches the translator and the interpreter past the loader's checks. */
#ifndef WPLUG_TESTS_FUZZ_GENERATE_H
#define WPLUG_TESTS_FUZZ_GENERATE_H

#include "base/base.h"

/* Appends a module that uses what this build of the engine can run. It imports functions of module "h" alone, and
 * exports all it has. The same bytes give the same module; where they end, the rest is zeros. */
void fuzz_generate(base_bytes input, base_buffer *module);

#endif
