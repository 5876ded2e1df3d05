/**
 * The build puts this in the place of the global: @assemblyscript/loader makes a decoder when it is imported, which
 * AudioWorklets and the jsc shell don't have, and nothing here decodes with it.
 */
function NoDecoder(): void {}

const Decoder = typeof globalThis.TextDecoder === "undefined" ? NoDecoder : globalThis.TextDecoder;

export { Decoder as TextDecoder };
