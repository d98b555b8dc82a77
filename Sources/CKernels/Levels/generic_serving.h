// What recommenders compute when they answer: a tile of rows goes through all layers of a tower, so that what stands
// between the layers stays in the first cache. Included by generic.h.

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

/// One layer for a tile of rows, sixteen columns at a time.
/// - Parameters:
///   - x: `[WF_TOWER_TILE][inputs]`.
///   - panels: of each sixteen columns the bias and then the weights, `[columns / 16][1 + inputs][16]`.
///   - y: `[WF_TOWER_TILE][columns]`, columns rounded up to a multiple of 16.
WF_INLINE void tower_layer(const float *x, int64_t inputs, const float *panels, const float *gates, int64_t columns,
                           const wf_tower_activation activation, float *y) {
    for (int64_t column = 0; column < columns; column += 16, panels += 16 * (1 + inputs)) {
        wf_float16 sums[WF_TOWER_TILE];
        const wf_float16 bias = load(panels);
#pragma clang loop unroll(full)
        for (int row = 0; row < WF_TOWER_TILE; row++) sums[row] = bias;
        for (int64_t input = 0; input < inputs; input++) {
            const wf_float16 w = load(panels + 16 * (1 + input));
#pragma clang loop unroll(full)
            for (int row = 0; row < WF_TOWER_TILE; row++) sums[row] += w * x[row * inputs + input];
        }
        float *const place = y + column;
        if (activation == WF_TOWER_DICE) {
            const dice_columns of = dice_columns_of(load(gates + column), load(gates + columns + column),
                                                    load(gates + 2 * columns + column));
#pragma clang loop unroll(full)
            for (int row = 0; row < WF_TOWER_TILE; row++) store(place + row * columns, diced(sums[row], of));
        } else {
            // A sum that is not a number must stay so: the comparison is false for it.
#pragma clang loop unroll(full)
            for (int row = 0; row < WF_TOWER_TILE; row++) {
                const wf_float16 sum = sums[row];
                const wf_int16 negative = (wf_int16)(sum < 0.0f);
                store(place + row * columns,
                      activation == WF_TOWER_RELU ? (wf_float16)((wf_int16)sum & ~negative) : sum);
            }
        }
    }
}

static void tower_tile(const wf_packed_layer *layer, const float *panels, const float *x, float *y) {
    switch (layer->activation) {
        case WF_TOWER_DICE:
            tower_layer(x, layer->inputs, panels, layer->gates, layer->columns, WF_TOWER_DICE, y);
            break;
        case WF_TOWER_RELU:
            tower_layer(x, layer->inputs, panels, layer->gates, layer->columns, WF_TOWER_RELU, y);
            break;
        default: tower_layer(x, layer->inputs, panels, layer->gates, layer->columns, WF_TOWER_PLAIN, y); break;
    }
}
