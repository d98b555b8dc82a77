// Element-wise parts of a training step over bf16 numbers, computed in f32. Included by generic.h.

WF_INLINE wf_float16 load_half(const uint16_t *address) { return load_bf16((const uint8_t *)address); }

WF_INLINE wf_half16 rounded_half(wf_float16 value) {
#if defined(WF_MULTIPLIES_BF16)
    return (wf_half16)_mm512_cvtneps_pbh((__m512)value);
#else
    const wf_uint16 bits = (wf_uint16)value;
    const wf_uint16 nearest = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    // Rounding up could turn what is not a number into one.
    const wf_uint16 numbers = (wf_uint16)(value == value);
    return __builtin_convertvector((numbers & nearest) | (~numbers & 0x7fc0), wf_half16);
#endif
}

WF_INLINE void store_half(uint16_t *address, wf_float16 value) {
    const wf_half16 bits = rounded_half(value);
    memcpy(address, &bits, sizeof bits);
}

WF_INLINE wf_float16 load_half_part(const uint16_t *address, int64_t count) {
    uint16_t bits[16] = {0};
    memcpy(bits, address, (size_t)count * sizeof *bits);
    return load_half(bits);
}

WF_INLINE void store_half_part(uint16_t *address, wf_float16 value, int64_t count) {
    const wf_half16 bits = rounded_half(value);
    memcpy(address, &bits, (size_t)count * sizeof *address);
}

static void train_gate(const uint16_t *gate, const uint16_t *up, uint16_t *output, int64_t count) {
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        store_half(output + i, activated(WF_ACTIVATION_SILU, load_half(gate + i)) * load_half(up + i));
    if (i == count) return;
    const wf_float16 g = load_half_part(gate + i, count - i), u = load_half_part(up + i, count - i);
    store_half_part(output + i, activated(WF_ACTIVATION_SILU, g) * u, count - i);
}

/// With `s = 1 / (1 + exp(-g))`: `d silu(g) = s (1 + g (1 - s))`.
WF_INLINE void gate_slopes(wf_float16 g, wf_float16 u, wf_float16 upstream, wf_float16 *gate, wf_float16 *up) {
    const wf_float16 s = 1.0f / (1.0f + exponential(-g));
    *gate = upstream * u * s * (1.0f + g * (1.0f - s));
    *up = upstream * g * s;
}

static void train_gate_backward(const uint16_t *gate, const uint16_t *up, const uint16_t *upstream,
                                uint16_t *gate_gradient, uint16_t *up_gradient, int64_t count) {
    wf_float16 a, b;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
        gate_slopes(load_half(gate + i), load_half(up + i), load_half(upstream + i), &a, &b);
        store_half(gate_gradient + i, a);
        store_half(up_gradient + i, b);
    }
    if (i == count) return;
    const int64_t rest = count - i;
    gate_slopes(load_half_part(gate + i, rest), load_half_part(up + i, rest), load_half_part(upstream + i, rest), &a, &b);
    store_half_part(gate_gradient + i, a, rest);
    store_half_part(up_gradient + i, b, rest);
}

static void train_norm(const uint16_t *x, const float *weight, float epsilon, int64_t columns, uint16_t *output,
                       float *inverse) {
    wf_float16 sum = splat(0);
    int64_t i = 0;
    for (; i + 16 <= columns; i += 16) {
        const wf_float16 value = load_half(x + i);
        sum += value * value;
    }
    if (i < columns) {
        const wf_float16 value = load_half_part(x + i, columns - i);
        sum += value * value;
    }
    const float factor = 1 / sqrtf(sum_of(sum) / (float)columns + epsilon);
    *inverse = factor;
    for (i = 0; i + 16 <= columns; i += 16) store_half(output + i, load_half(x + i) * factor * load(weight + i));
    if (i < columns) {
        const int64_t rest = columns - i;
        store_half_part(output + i, load_half_part(x + i, rest) * factor * load_part(weight + i, rest), rest);
    }
}

/// With `n = x / rms`: `dx = (g w - n mean(g w n)) / rms`; `g n` is added to the gradient of the weight.
static void train_norm_backward(const uint16_t *x, const float *weight, float inverse, const uint16_t *upstream,
                                int64_t columns, uint16_t *x_gradient, float *weight_gradient) {
    wf_float16 sum = splat(0);
    int64_t i = 0;
    for (; i + 16 <= columns; i += 16) sum += load_half(upstream + i) * load(weight + i) * load_half(x + i);
    if (i < columns) {
        const int64_t rest = columns - i;
        sum += load_half_part(upstream + i, rest) * load_part(weight + i, rest) * load_half_part(x + i, rest);
    }
    const float mean = sum_of(sum) * inverse / (float)columns;
    for (i = 0; i + 16 <= columns; i += 16) {
        const wf_float16 g = load_half(upstream + i), n = load_half(x + i) * inverse;
        store_half(x_gradient + i, (g * load(weight + i) - n * mean) * inverse);
        store(weight_gradient + i, load(weight_gradient + i) + g * n);
    }
    if (i < columns) {
        const int64_t rest = columns - i;
        const wf_float16 g = load_half_part(upstream + i, rest), n = load_half_part(x + i, rest) * inverse;
        store_half_part(x_gradient + i, (g * load_part(weight + i, rest) - n * mean) * inverse, rest);
        store_part(weight_gradient + i, load_part(weight_gradient + i, rest) + g * n, rest);
    }
}

/// One head: pairs `(i, i + half)` turned by their angles, backwards where `direction` is -1.
static void train_rotate(const uint16_t *x, const float *cosine, const float *sine, int64_t half, float direction,
                         uint16_t *output) {
    int64_t i = 0;
    for (; i + 16 <= half; i += 16) {
        const wf_float16 a = load_half(x + i), b = load_half(x + half + i);
        const wf_float16 c = load(cosine + i), s = load(sine + i) * direction;
        store_half(output + i, a * c - b * s);
        store_half(output + half + i, b * c + a * s);
    }
    if (i < half) {
        const int64_t rest = half - i;
        const wf_float16 a = load_half_part(x + i, rest), b = load_half_part(x + half + i, rest);
        const wf_float16 c = load_part(cosine + i, rest), s = load_part(sine + i, rest) * direction;
        store_half_part(output + i, a * c - b * s, rest);
        store_half_part(output + half + i, b * c + a * s, rest);
    }
}

/// The cross-entropy of one row of logits, which become its gradient times `factor` where that is wanted.
static float train_cross_entropy(uint16_t *logits, int64_t columns, int64_t label, float factor, bool wants_gradient) {
    const int64_t whole = columns / 16 * 16, rest = columns - whole;
    wf_float16 largest = splat(-INFINITY);
    for (int64_t i = 0; i < whole; i += 16) largest = __builtin_elementwise_max(largest, load_half(logits + i));
    float maximum = __builtin_reduce_max(largest);
    for (int64_t i = whole; i < columns; i++) maximum = fmaxf(maximum, wf_f32_from_bf16(logits[i]));
    wf_float16 sum = splat(0);
    for (int64_t i = 0; i < whole; i += 16) sum += exponential(load_half(logits + i) - maximum);
    float total = sum_of(sum);
    for (int64_t i = whole; i < columns; i++) total += expf(wf_f32_from_bf16(logits[i]) - maximum);
    const float normaliser = maximum + logf(total);
    const float chosen = wf_f32_from_bf16(logits[label]);
    if (wants_gradient) {
        for (int64_t i = 0; i < whole; i += 16)
            store_half(logits + i, exponential(load_half(logits + i) - normaliser) * factor);
        if (rest > 0)
            store_half_part(
                logits + whole, exponential(load_half_part(logits + whole, rest) - normaliser) * factor, rest);
        const wf_float16 slope = splat((expf(chosen - normaliser) - 1) * factor);
        store_half_part(logits + label, slope, 1);
    }
    return (normaliser - chosen) * factor;
}

/// In f32 over 1024 numbers, in f64 over these sums.
static double square_sum(const float *x, int64_t count) {
    double total = 0;
    for (int64_t begin = 0; begin < count; begin += 1024) {
        const int64_t end = begin + 1024 < count ? begin + 1024 : count;
        wf_float16 sum = splat(0);
        int64_t i = begin;
        for (; i + 16 <= end; i += 16) {
            const wf_float16 value = load(x + i);
            sum += value * value;
        }
        const wf_float16 rest = load_part(x + i, end - i);
        total += sum_of(sum + rest * rest);
    }
    return total;
}

/// What all numbers of a parameter share.
typedef struct adamw_numbers {
    float kept, rate, root;
} adamw_numbers;

WF_INLINE wf_float16 adamw_change(wf_float16 p, wf_float16 g, wf_float16 *m, wf_float16 *v, const wf_adamw_step *step,
                                  const adamw_numbers *n) {
    *m = *m * step->beta1 + g * (1 - step->beta1);
    *v = *v * step->beta2 + g * g * (1 - step->beta2);
    return p * n->kept - n->rate * *m / (__builtin_elementwise_sqrt(*v) * n->root + step->epsilon);
}

static void adamw(const wf_parameter *part, int64_t begin, int64_t count, const wf_adamw_step *step) {
    const adamw_numbers n = {
        .kept = 1 - step->learning_rate * step->weight_decay,
        .rate = step->learning_rate / part->first_correction,
        .root = 1 / sqrtf(part->second_correction),
    };
    const float *gradient = part->gradient + begin;
    float *parameter = part->parameter + begin, *first = part->first + begin, *second = part->second + begin;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16) {
        wf_float16 m = load(first + i), v = load(second + i);
        store(parameter + i,
              adamw_change(load(parameter + i), load(gradient + i) * step->gradient_scale, &m, &v, step, &n));
        store(first + i, m);
        store(second + i, v);
    }
    if (i == count) return;
    const int64_t rest = count - i;
    wf_float16 m = load_part(first + i, rest), v = load_part(second + i, rest);
    const wf_float16 g = load_part(gradient + i, rest) * step->gradient_scale;
    store_part(parameter + i, adamw_change(load_part(parameter + i, rest), g, &m, &v, step, &n), rest);
    store_part(first + i, m, rest);
    store_part(second + i, v, rest);
}
