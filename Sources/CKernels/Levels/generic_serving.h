// What recommenders compute when they answer. Included by generic.h.

/// `1 / x` for `1 <= x`, to about a unit in the last place.
WF_INLINE wf_float16 reciprocal(wf_float16 x) {
#if defined(WF_ESTIMATES_RECIPROCALS)
    const wf_float16 estimate = (wf_float16)_mm512_rcp14_ps((__m512)x);
    return estimate * (2.0f - x * estimate);
#else
    return 1.0f / x;
#endif
}

/// The parameters of Dice for sixteen columns, ready to be used for many rows.
typedef struct dice_columns {
    wf_float16 scale, shift, slope, rest;  // of the exponent of 2; rest is 1 - slope
} dice_columns;

WF_INLINE dice_columns dice_columns_of(wf_float16 scale, wf_float16 shift, wf_float16 slope) {
    const float base = -1.44269504088896341f;
    return (dice_columns){scale * base, shift * base, slope, 1.0f - slope};
}

/// `x (slope + (1 - slope) / (1 + 2^t))` with `t = x scale + shift`, to about 4 units in the last place of the gate.
WF_INLINE wf_float16 diced(wf_float16 x, dice_columns columns) {
    wf_float16 t = x * columns.scale + columns.shift;
    t = __builtin_elementwise_min(__builtin_elementwise_max(t, splat(-126)), splat(126));
    const wf_float16 shifted = t + 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which its lowest bits are
    const wf_float16 f = t - (shifted - 12582912.0f);
    // 2^f for |f| <= 1/2: the polynomial of degree 5 with the smallest relative error, 1.5e-7.
    wf_float16 p = splat(0.001327647129073739f);
    p = p * f + 0.009675540961325169f;
    p = p * f + 0.05550713092088699f;
    p = p * f + 0.24022120237350464f;
    p = p * f + 0.6931469440460205f;
    p = p * f + 1.0000001192092896f;
    const wf_float16 power = (wf_float16)((wf_int16)p + ((wf_int16)shifted << 23));
    return x * (columns.slope + columns.rest * reciprocal(1.0f + power));
}

static void dice(float *x, const float *scale, const float *shift, const float *slope, int64_t rows, int64_t columns) {
    int64_t i = 0;
    for (; i + 16 <= columns; i += 16) {
        const dice_columns of = dice_columns_of(load(scale + i), load(shift + i), load(slope + i));
        for (int64_t row = 0; row < rows; row++) store(x + row * columns + i, diced(load(x + row * columns + i), of));
    }
    if (i == columns) return;
    const int64_t rest = columns - i;
    const dice_columns of =
        dice_columns_of(load_part(scale + i, rest), load_part(shift + i, rest), load_part(slope + i, rest));
    for (int64_t row = 0; row < rows; row++) {
        float *const place = x + row * columns + i;
        store_part(place, diced(load_part(place, rest), of), rest);
    }
}

// A history pooled by its relation to targets, eight targets at a time: what stands between the layers stays in the first
// cache.

/// One layer for a tile of rows: `y = diced(x w + bias)`, sixteen columns at a time.
/// - Parameters:
///   - x: `[WF_TARGET_TILE][inputs]`.
///   - weight: `[inputs][columns]`.
///   - y: `[WF_TARGET_TILE][columns]`.
WF_INLINE void diced_tile(const float *x, int64_t inputs, const float *weight, const float *bias,
                          const wf_dice_layer *layer, float *y) {
    const int64_t columns = layer->columns;
    for (int64_t column = 0; column < columns; column += 16) {
        wf_float16 sums[WF_TARGET_TILE];
        const wf_float16 start = load(bias + column);
#pragma clang loop unroll(full)
        for (int row = 0; row < WF_TARGET_TILE; row++) sums[row] = start;
        for (int64_t input = 0; input < inputs; input++) {
            const wf_float16 w = load(weight + input * columns + column);
#pragma clang loop unroll(full)
            for (int row = 0; row < WF_TARGET_TILE; row++) sums[row] += w * x[row * inputs + input];
        }
        const dice_columns of =
            dice_columns_of(load(layer->scale + column), load(layer->shift + column), load(layer->slope + column));
#pragma clang loop unroll(full)
        for (int row = 0; row < WF_TARGET_TILE; row++)
            store(y + row * columns + column, diced(sums[row], of));
    }
}

/// - Parameters:
///   - targets: `[WF_TARGET_TILE][dimensions]`.
///   - scratch: two tiles of the widest layer.
///   - output: `[WF_TARGET_TILE][dimensions]`.
static void target_attention(const wf_target_attention *task, const float *targets, float *scratch, float *output) {
    const int64_t dimensions = task->dimensions, width = task->layers[0].columns;
    memset(output, 0, (size_t)(WF_TARGET_TILE * dimensions) * sizeof *output);
    for (int64_t item = 0; item < task->items; item++) {
        float *x = scratch, *y = scratch + WF_TARGET_TILE * task->widest;
        diced_tile(targets, dimensions, task->layers[0].weight + item * dimensions * width,
                   task->layers[0].bias + item * width, task->layers, x);
        for (int32_t place = 1; place < task->layer_count; place++) {
            const wf_dice_layer *layer = task->layers + place;
            diced_tile(x, layer[-1].columns, layer->weight, layer->bias, layer, y);
            float *const free = x;
            x = y;
            y = free;
        }
        const int64_t columns = task->layers[task->layer_count - 1].columns;
        for (int row = 0; row < WF_TARGET_TILE; row++) {
            wf_float16 products = splat(0);
            for (int64_t column = 0; column < columns; column += 16)
                products += load(x + row * columns + column) * load(task->output_weight + column);
            const float share = sum_of(products) + task->output_bias;
            const float *vector = task->history + item * dimensions;
            for (int64_t i = 0; i < dimensions; i++) output[row * dimensions + i] += share * vector[i];
        }
    }
}
