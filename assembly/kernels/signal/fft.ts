/**
 * The Fourier transform of real samples: in float64, or in the int16 fixed point of TFLite Micro, whose integers float64
 * holds exactly. Complex numbers lie as pairs. The table has cos(2π · j / size) for j < size, in fixed point times 32767,
 * so −sin is a quarter further on. Equals test/reference/spectrum.ts bit for bit.
 */

/** v / 2¹⁵, halves up, as int16. */
function narrow(v: f64): f64 {
  return <f64><i16><i32>floor((v + 16384) * (1.0 / 32768));
}

/** In fixed point the int16 v / `parts`, a little less, so that sums fit. */
function shrink(v: f64, parts: usize, isFixed: bool): f64 {
  return isFixed ? narrow(<f64><i16><i32>v * (parts == 2 ? 16383 : 8191)) : v;
}

/** a · b + c · d, in fixed point narrowed. */
function products(a: f64, b: f64, c: f64, d: f64, isFixed: bool): f64 {
  const sum = a * b + c * d;
  return isFixed ? narrow(sum) : sum;
}

/**
 * y[0 … n) = transform of x[0], x[stride], x[2 · stride] …: radix 4, and radix 2 innermost where n is no power of 4.
 * `step` is the distance in the table of neighbouring roots of unity of order n, `quarter` a quarter of the table's bytes.
 */
export function fft(x: usize, y: usize, stride: usize, n: usize, table: usize, quarter: usize, step: usize, isFixed: bool): void {
  if (n == 1) {
    store<f64>(y, load<f64>(x));
    store<f64>(y, load<f64>(x, 8), 8);
    return;
  }
  const parts: usize = n & 3 ? 2 : 4;
  const m = n / parts;
  const apart = m << 4;
  for (let q: usize = 0; q < parts; q++) {
    const part = y + q * apart;
    fft(x + ((q * stride) << 4), part, stride * parts, m, table, quarter, step * parts, isFixed);
    for (let i: usize = 0; i < m; i++) {
      const at = part + (i << 4);
      const root = table + ((q * i * step) << 3);
      const re = shrink(load<f64>(at), parts, isFixed);
      const im = shrink(load<f64>(at, 8), parts, isFixed);
      const cosine = load<f64>(root);
      const sine = load<f64>(root + quarter);
      store<f64>(at, q ? products(re, cosine, -im, sine, isFixed) : re);
      store<f64>(at, q ? products(re, sine, im, cosine, isFixed) : im, 8);
    }
  }
  for (const end = y + apart; y < end; y += 16) {
    const b = y + apart;
    const re = load<f64>(y);
    const im = load<f64>(y, 8);
    const re1 = load<f64>(b);
    const im1 = load<f64>(b, 8);
    if (parts == 2) {
      store<f64>(y, re + re1);
      store<f64>(y, im + im1, 8);
      store<f64>(b, re - re1);
      store<f64>(b, im - im1, 8);
      continue;
    }
    const c = b + apart;
    const d = c + apart;
    const re2 = load<f64>(c);
    const im2 = load<f64>(c, 8);
    const re3 = load<f64>(d);
    const im3 = load<f64>(d, 8);
    const sumRe = re1 + re3;
    const sumIm = im1 + im3;
    const oddRe = re1 - re3;
    const oddIm = im1 - im3;
    store<f64>(y, re + re2 + sumRe);
    store<f64>(y, im + im2 + sumIm, 8);
    store<f64>(c, re + re2 - sumRe);
    store<f64>(c, im + im2 - sumIm, 8);
    store<f64>(b, re - re2 + oddIm);
    store<f64>(b, im - im2 - oddRe, 8);
    store<f64>(d, re - re2 - oddIm);
    store<f64>(d, im - im2 + oddRe, 8);
  }
}

/**
 * In place: the transform of `half` pairs of samples, even ones real and odd ones imaginary → bins 0 … half of the
 * samples' own, in fixed point halved. `inverse`: such bins → pairs whose forward transform, real and imaginary parts
 * exchanged throughout, are the samples times 2 · half.
 */
export function split(z: usize, half: usize, table: usize, isFixed: bool, inverse: bool): void {
  const last = z + (half << 4);
  const quarter = half << 2;
  const re0 = shrink(load<f64>(z), 2, isFixed);
  const im0 = shrink(load<f64>(inverse ? last : z + 8), 2, isFixed);
  store<f64>(z, inverse ? re0 - im0 : re0 + im0);
  store<f64>(z, inverse ? re0 + im0 : 0, 8);
  if (!inverse) {
    store<f64>(last, re0 - im0);
    store<f64>(last, 0, 8);
  }
  const scale = inverse ? 1.0 : 0.5;
  for (let k: usize = 1; k <= half >> 1; k++) {
    const a = z + (k << 4);
    const b = last - (k << 4);
    const root = table + (k << 3);
    const aRe = shrink(load<f64>(a), 2, isFixed);
    const aIm = shrink(load<f64>(a, 8), 2, isFixed);
    const bRe = shrink(load<f64>(b), 2, isFixed);
    const bIm = shrink(-load<f64>(b, 8), 2, isFixed);
    const oddRe = aRe - bRe;
    const oddIm = aIm - bIm;
    // The root times −i; for the inverse its conjugate.
    const turnedRe = load<f64>(root + quarter);
    const turnedIm = inverse ? load<f64>(root) : -load<f64>(root);
    const re = products(oddRe, turnedRe, -oddIm, turnedIm, isFixed);
    const im = products(oddRe, turnedIm, oddIm, turnedRe, isFixed);
    const first: usize = inverse ? 8 : 0;
    store<f64>(a + first, scaled(aRe + bRe + re, scale, isFixed));
    store<f64>(a + 8 - first, scaled(aIm + bIm + im, scale, isFixed));
    store<f64>(b + first, scaled(aRe + bRe - re, scale, isFixed));
    store<f64>(b + 8 - first, scaled(im - (aIm + bIm), scale, isFixed));
  }
}

function scaled(v: f64, scale: f64, isFixed: bool): f64 {
  return isFixed ? floor(v * scale) : v * scale;
}
