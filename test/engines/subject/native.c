/*
 * A bundle as a native program, for the matrix. Standard input: the bytes of all inputs, for one run after another;
 * standard output: those of all outputs after each run. Standard error: µs from the start of `init` to the end of the
 * first run, and, with an argument, µs of one run, the median of five blocks of at least 25 ms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model.h"

typedef Z_model_instance_t Model;
#define CALL(function, ...) Z_modelZ_##function(__VA_ARGS__)

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec * 1e-3;
}

static void run(Model *model) {
  if (CALL(invoke, model) != 0) {
    fputs("the model did not run\n", stderr);
    exit(1);
  }
}

static double lap(Model *model, int count) {
  const double start = now();
  for (int i = 0; i < count; i++) run(model);
  return now() - start;
}

static int ascending(const void *a, const void *b) {
  return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Whether there is another run; reads its inputs. */
static int read_inputs(Model *model, unsigned char *memory) {
  for (unsigned i = 0; CALL(input_bytes, model, i) > 0; i++) {
    const size_t bytes = CALL(input_bytes, model, i);
    if (fread(memory + CALL(input_ptr, model, i), 1, bytes, stdin) != bytes) return 0;
  }
  return 1;
}

int main(int count, char **arguments) {
  (void)arguments;
  Model model;
  wasm_rt_init();
  Z_model_init_module();
  const double start = now();
  Z_model_instantiate(&model);
  if (CALL(init, &model) != 0) {
    fputs("the model was refused\n", stderr);
    return 1;
  }
  const double ready = now();
  unsigned char *memory = CALL(memory, &model)->data;
  double first = 0;
  while (read_inputs(&model, memory)) {
    const double time = lap(&model, 1);
    if (first == 0) first = time;
    for (unsigned i = 0; CALL(output_bytes, &model, i) > 0; i++)
      fwrite(memory + CALL(output_ptr, &model, i), 1, CALL(output_bytes, &model, i), stdout);
  }
  double times[5] = {0};
  if (count > 1) {
    int runs = 1;
    while (lap(&model, runs) < 25e3 && runs < 1 << 20) runs *= 2;
    for (int i = 0; i < 5; i++) times[i] = lap(&model, runs) / runs;
    qsort(times, 5, sizeof *times, ascending);
  }
  fprintf(stderr, "%.3f %.3f\n", ready - start + first, times[2]);
  return 0;
}
