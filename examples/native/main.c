/*
 * Runs a bundled model as a native program: reads the bytes of its first input from a file, runs once, prints its
 * first output as float32 values, one a line. With a second file name, writes the output's bytes there too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* Names as wasm2c 1.0.32 makes them from `-n model`. */
typedef Z_model_instance_t Model;
#define CALL(function, ...) Z_modelZ_##function(__VA_ARGS__)

static int fail(const char *what, const char *where) {
  fprintf(stderr, "%s: %s\n", where, what);
  return 1;
}

/* Exactly `bytes` bytes, no less and no more. */
static int read_exactly(const char *path, void *to, size_t bytes) {
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  const size_t count = fread(to, 1, bytes, file);
  const int more = fgetc(file) != EOF;
  fclose(file);
  return count == bytes && !more;
}

static int write_all(const char *path, const void *from, size_t bytes) {
  FILE *file = fopen(path, "wb");
  if (!file) return 0;
  const size_t count = fwrite(from, 1, bytes, file);
  return fclose(file) == 0 && count == bytes;
}

int main(int count, char **arguments) {
  if (count < 2 || count > 3) return fail("usage: program input.raw [output.raw]", arguments[0]);
  Model model;
  wasm_rt_init();
  Z_model_init_module();
  Z_model_instantiate(&model);
  if (CALL(init, &model) != 0) return fail("the model was refused", arguments[0]);

  /* Addresses are offsets into the model's memory, which never moves. */
  unsigned char *memory = CALL(memory, &model)->data;
  const size_t input_bytes = CALL(input_bytes, &model, 0);
  if (!read_exactly(arguments[1], memory + CALL(input_ptr, &model, 0), input_bytes)) {
    fprintf(stderr, "%s: expected a file of %zu bytes\n", arguments[1], input_bytes);
    return 1;
  }
  if (CALL(invoke, &model) != 0) return fail("the model did not run", arguments[0]);

  const size_t output_bytes = CALL(output_bytes, &model, 0);
  const unsigned char *output = memory + CALL(output_ptr, &model, 0);
  for (size_t i = 0; i + sizeof(float) <= output_bytes; i += sizeof(float)) {
    float value;
    memcpy(&value, output + i, sizeof value);
    printf("%.9g\n", value);
  }
  if (count == 3 && !write_all(arguments[2], output, output_bytes)) return fail("cannot be written", arguments[2]);

  Z_model_free(&model);
  wasm_rt_free();
  return 0;
}
