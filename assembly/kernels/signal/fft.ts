/**
 * The Fourier transform of real samples: in float64, or in the int16 fixed point of TFLite Micro, whose integers float64
 * holds exactly. Complex numbers lie as pairs. The table has cos(2π · j / size) for j < size, in fixed point times 32767,
 * so −sin is a quarter further on. Equals test/reference/spectrum.ts bit for bit.
 */

/** v / 2¹⁵, halves up, as int16. */
function narrow(v: f64): f64 {
  return <f64><i16><i32>floor((v + 16384) * (1.0 / 32768));
}

/** In fixed point the int16 v over `parts`, a little less, so that sums fit. */
function shrink(v: f64, parts: usize, isFixed: bool): f64 {
  return isFixed ? narrow(<f64><i16><i32>v * (parts == 2 ? 16383 : 8191)) : v;
}

/** a · b + c · d, in fixed point narrowed. */
function products(a: f64, b: f64, c: f64, d: f64, isFixed: bool): f64 {
  const sum = a * b + c * d;
  return isFixed ? narrow(sum) : sum;
}

/** (p, q) → (p + q, p − q) */
function butterfly(p: usize, q: usize): void {
  for (const end = p + 16; p < end; p += 8) {
    const a = load<f64>(p);
    const b = load<f64>(q);
    store<f64>(p, a + b);
    store<f64>(q, a - b);
    q += 8;
  }
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
  const apart = (n / parts) << 4;
  for (let q: usize = 0; q < parts; q++) {
    // Radix 4 is radix 2 twice, so its two inner parts change places.
    let at = y + (parts == 2 ? q : (q >> 1) | ((q & 1) << 1)) * apart;
    fft(x + ((q * stride) << 4), at, stride * parts, n / parts, table, quarter, step * parts, isFixed);
    let root = table;
    for (const end = at + apart; at < end; at += 16) {
      const re = shrink(load<f64>(at), parts, isFixed);
      const im = shrink(load<f64>(at, 8), parts, isFixed);
      const cosine = load<f64>(root);
      const sine = load<f64>(root + quarter);
      store<f64>(at, q ? products(re, cosine, -im, sine, isFixed) : re);
      store<f64>(at, q ? products(re, sine, im, cosine, isFixed) : im, 8);
      root += (q * step) << 3;
    }
  }
  for (const end = y + apart; y < end; y += 16) {
    const second = y + apart;
    butterfly(y, second);
    if (parts == 2) continue;
    const third = second + apart;
    const fourth = third + apart;
    butterfly(third, fourth);
    const re = load<f64>(fourth);
    store<f64>(fourth, load<f64>(fourth, 8));
    store<f64>(fourth, -re, 8);
    butterfly(y, third);
    butterfly(second, fourth);
  }
}

/**
 * In place: the transform of `half` pairs of samples, even ones real and odd ones imaginary → bins 0 … half of the
 * samples' own, in fixed point halved.
 */
export function split(z: usize, half: usize, table: usize, isFixed: bool): void {
  let last = z + (half << 4);
  const re0 = shrink(load<f64>(z), 2, isFixed);
  const im0 = shrink(load<f64>(z, 8), 2, isFixed);
  store<f64>(z, re0 + im0);
  store<f64>(z, 0, 8);
  store<f64>(last, re0 - im0);
  store<f64>(last, 0, 8);
  while ((z += 16) <= (last -= 16)) {
    table += 8;
    const aRe = shrink(load<f64>(z), 2, isFixed);
    const aIm = shrink(load<f64>(z, 8), 2, isFixed);
    const bRe = shrink(load<f64>(last), 2, isFixed);
    const bIm = shrink(-load<f64>(last, 8), 2, isFixed);
    const oddRe = aRe - bRe;
    const oddIm = aIm - bIm;
    // The root times −i.
    const sine = load<f64>(table + (half << 2));
    const cosine = load<f64>(table);
    const re = products(oddRe, sine, oddIm, cosine, isFixed);
    const im = products(-oddRe, cosine, oddIm, sine, isFixed);
    store<f64>(z, halved(aRe + bRe + re, isFixed));
    store<f64>(z, halved(aIm + bIm + im, isFixed), 8);
    store<f64>(last, halved(aRe + bRe - re, isFixed));
    store<f64>(last, halved(im - (aIm + bIm), isFixed), 8);
  }
}

function halved(v: f64, isFixed: bool): f64 {
  v *= 0.5;
  return isFixed ? floor(v) : v;
}
