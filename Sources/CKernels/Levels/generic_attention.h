// Attention of one query; a part of generic.h.

/// The sums of `a`'s and of `b`'s lanes a distance apart, `a`'s before `b`'s in every group.
#define WF_FOLD(a, b, first, second) (__builtin_shufflevector(a, b, first) + __builtin_shufflevector(a, b, second))
#define WF_EIGHTS_LOW 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define WF_EIGHTS_HIGH 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define WF_FOURS_LOW 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define WF_FOURS_HIGH 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define WF_TWOS_LOW 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29
#define WF_TWOS_HIGH 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31
#define WF_ONES_LOW 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define WF_ONES_HIGH 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31

/// The sums of the lanes of sixteen vectors.
WF_INLINE wf_float16 sums_of(const wf_float16 parts[16]) {
    wf_float16 eights[8], fours[4], twos[2];
    for (int i = 0; i < 8; i++) eights[i] = WF_FOLD(parts[2 * i], parts[2 * i + 1], WF_EIGHTS_LOW, WF_EIGHTS_HIGH);
    for (int i = 0; i < 4; i++) fours[i] = WF_FOLD(eights[2 * i], eights[2 * i + 1], WF_FOURS_LOW, WF_FOURS_HIGH);
    for (int i = 0; i < 2; i++) twos[i] = WF_FOLD(fours[2 * i], fours[2 * i + 1], WF_TWOS_LOW, WF_TWOS_HIGH);
    return WF_FOLD(twos[0], twos[1], WF_ONES_LOW, WF_ONES_HIGH);
}

/// Products of a query with `count <= 16` successive keys; the lanes after them are zero.
WF_INLINE wf_float16 scores_of(const float *query, const float *keys, int64_t dimensions, int64_t count) {
    wf_float16 parts[16];
    for (int p = 0; p < 16; p++) parts[p] = splat(0);
    const int64_t whole = dimensions / 16 * 16;
    if (count == 16) {
        for (int64_t i = 0; i < whole; i += 16) {
            const wf_float16 q = load(query + i);
#pragma clang loop unroll(full)
            for (int p = 0; p < 16; p++) parts[p] += q * load(keys + p * dimensions + i);
        }
    } else {
        for (int64_t i = 0; i < whole; i += 16)
            for (int64_t p = 0; p < count; p++) parts[p] += load(query + i) * load(keys + p * dimensions + i);
    }
    wf_float16 scores = sums_of(parts);
    if (whole < dimensions) {
        float rest[16];
        store(rest, scores);
        for (int64_t p = 0; p < count; p++)
            for (int64_t i = whole; i < dimensions; i++) rest[p] += query[i] * keys[p * dimensions + i];
        scores = load(rest);
    }
    return scores;
}

/// Adds `weights[p] * values[p]` over the positions to `output`, `W` vectors of its elements at a time.
WF_INLINE void gather(const float *weights, const float *values, int64_t count, int64_t dimensions, const int W,
                      float *output) {
    wf_float16 sum[4];
    for (int v = 0; v < W; v++) sum[v] = splat(0);
    for (int64_t p = 0; p < count; p++) {
        const wf_float16 weight = splat(weights[p]);
        for (int v = 0; v < W; v++) sum[v] += weight * load(values + p * dimensions + 16 * v);
    }
    for (int v = 0; v < W; v++) store(output + 16 * v, sum[v]);
}

static void attend(const float *query, const float *keys, const float *values, int64_t begin, int64_t end,
                   int64_t dimensions, float cap, bool cold, float *maximum, float *total, float *output) {
    _Alignas(64) float scores[WF_ATTENTION_SPAN];
    const int64_t count = end - begin;
    const float *first_key = keys + begin * dimensions;
    for (int64_t p = 0; p < count; p += 16) {
        if (cold) {
            const size_t tile = 16 * sizeof(float) * (size_t)dimensions;
            prefetch(first_key + p * dimensions, tile, keyDistance, true);
            prefetch(values + (begin + p) * dimensions, tile, 0, false);
        }
        store(scores + p, scores_of(query, first_key + p * dimensions, dimensions, count - p < 16 ? count - p : 16));
    }
    if (cap > 0) soft_cap(scores, cap, count);
    // Lanes after the last position take no part: their scores are -infinity, their weights zero.
    for (int64_t p = count; p % 16; p++) scores[p] = -INFINITY;
    wf_float16 largest = load(scores);
    for (int64_t p = 16; p < count; p += 16) largest = __builtin_elementwise_max(largest, load(scores + p));
    const float top = __builtin_reduce_max(largest);
    wf_float16 sum = splat(0);
    for (int64_t p = 0; p < count; p += 16) {
        wf_float16 weight = exponential(load(scores + p) - top);
        if (count - p < 16) {
            store(scores + p, weight);
            weight = load_part(scores + p, count - p);
        }
        store(scores + p, weight);
        sum += weight;
    }
    *maximum = top;
    *total = sum_of(sum);
    const float *first = values + begin * dimensions;
    int64_t i = 0;
    for (; i + 64 <= dimensions; i += 64) gather(scores, first + i, count, dimensions, 4, output + i);
    for (; i + 16 <= dimensions; i += 16) gather(scores, first + i, count, dimensions, 1, output + i);
    for (; i < dimensions; i++) {
        float element = 0;
        for (int64_t p = 0; p < count; p++) element += scores[p] * first[p * dimensions + i];
        output[i] = element;
    }
}
