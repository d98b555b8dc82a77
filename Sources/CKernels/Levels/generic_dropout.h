// Dropout with the Philox-4x32-10 generator, sixteen blocks at a time. Included by generic.h.

enum { philoxRounds = 10 };
static const uint64_t philoxFirst = 0xD2511F53, philoxSecond = 0xCD9E8D57;
static const uint32_t philoxLowKey = 0x9E3779B9, philoxHighKey = 0xBB67AE85;

/// The rounds for eight blocks, each word in the lower half of its lane. The upper halves hold what multiplications
/// leave there; none of them reads it.
WF_INLINE void philox_rounds(wf_ulong8 words[4], uint64_t key) {
    const wf_ulong8 lower = (wf_ulong8)0xFFFFFFFFu;
    uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
#pragma clang loop unroll(full)
    for (int round = 0; round < philoxRounds; round++) {
        const wf_ulong8 one = (words[0] & lower) * philoxFirst, two = (words[2] & lower) * philoxSecond;
        words[0] = (two >> 32) ^ words[1] ^ (wf_ulong8)(uint64_t)low;
        words[2] = (one >> 32) ^ words[3] ^ (wf_ulong8)(uint64_t)high;
        words[1] = two;
        words[3] = one;
        low += philoxLowKey;
        high += philoxHighKey;
    }
}

/// Word `w` of the blocks `first ..< first + 16` in `words[w]`.
WF_INLINE void philox(uint64_t first, uint64_t key, wf_uint16 words[4]) {
    const wf_ulong8 places = {0, 2, 4, 6, 8, 10, 12, 14};
    const wf_ulong8 even = places + first, odd = even + 1, lower = (wf_ulong8)0xFFFFFFFFu;
    wf_ulong8 a[4] = {even, even >> 32, (wf_ulong8)0, (wf_ulong8)0};
    wf_ulong8 b[4] = {odd, odd >> 32, (wf_ulong8)0, (wf_ulong8)0};
    philox_rounds(a, key);
    philox_rounds(b, key);
    for (int w = 0; w < 4; w++) words[w] = (wf_uint16)((a[w] & lower) | (b[w] << 32));
}

/// The factors of one group.
WF_INLINE void dropout_factors(int64_t group, uint64_t key, uint32_t threshold, float scale, wf_float16 factors[4]) {
    wf_uint16 words[4];
    philox((uint64_t)group * 16, key, words);
    for (int w = 0; w < 4; w++)
        factors[w] = (wf_float16)((wf_uint16)(words[w] >= threshold) & (wf_uint16)splat(scale));
}

static void train_dropout_f32(const float *x, int64_t count, int64_t group, uint64_t key, uint32_t threshold,
                              float scale, float *output) {
    wf_float16 factors[4];
    int64_t i = 0;
    for (; i + WF_DROPOUT_GROUP <= count; i += WF_DROPOUT_GROUP) {
        dropout_factors(group++, key, threshold, scale, factors);
        for (int w = 0; w < 4; w++) store(output + i + 16 * w, load(x + i + 16 * w) * factors[w]);
    }
    if (i == count) return;
    dropout_factors(group, key, threshold, scale, factors);
    for (int w = 0; i < count; w++, i += 16) {
        const int64_t part = count - i < 16 ? count - i : 16;
        store_part(output + i, load_part(x + i, part) * factors[w], part);
    }
}

static void train_dropout_bf16(const uint16_t *x, int64_t count, int64_t group, uint64_t key, uint32_t threshold,
                               float scale, uint16_t *output) {
    wf_float16 factors[4];
    int64_t i = 0;
    for (; i + WF_DROPOUT_GROUP <= count; i += WF_DROPOUT_GROUP) {
        dropout_factors(group++, key, threshold, scale, factors);
        for (int w = 0; w < 4; w++) store_half(output + i + 16 * w, load_half(x + i + 16 * w) * factors[w]);
    }
    if (i == count) return;
    dropout_factors(group, key, threshold, scale, factors);
    for (int w = 0; i < count; w++, i += 16) {
        const int64_t part = count - i < 16 ? count - i : 16;
        store_half_part(output + i, load_half_part(x + i, part) * factors[w], part);
    }
}
