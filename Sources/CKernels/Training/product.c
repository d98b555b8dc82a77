// Products of a training step: bf16 numbers in pairs, two multiplications and additions a lane and instruction, sums in
// f32 (AVX512-BF16). Factors are packed on the way, f32 ones rounded, so weights in f32 need no copy in bf16.
//
// Packed panels hold pairs of neighbours along the depth: `[depth / 2][8]` of the left factor, `[depth / 2][48]` of the
// right one. A left factor whose rows are such pairs already is read where it is. A tile of 8 rows and 48 columns is
// summed in 24 vectors. Each number of the result is summed in the order of its depth by one thread, so results do not
// depend on the number of threads.

#include "../internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "../Levels/vector.h"

enum {
    tileRows = 8,
    tileVectors = 3,
    tileColumns = 16 * tileVectors,
    /// Row panels that stay in the second-level cache while column panels pass by.
    blockPanels = 16,
    /// The part of the depth that is packed at a time.
    deepest = 2048,
    /// Numbers of a factor that are packed at a time: 4 MiB, for the last-level cache.
    stripNumbers = 2 << 20,
};

/// Two neighbours along the depth, in a factor of bf16 numbers.
typedef uint32_t pair_of_numbers __attribute__((aligned(2), may_alias));

typedef struct product_loop {
    const wf_train_product *task;
    /// The part of the result and of the depth at hand.
    int64_t row, rows, column, columns, depth, depths;
    uint32_t *left, *right;  // packed; the left one is null where it is read as it is
    float *sums;
    bool packs_left, packs_right;
    int64_t row_group, column_group;  // panels of a task
} product_loop;

static int64_t parts(int64_t count, int64_t size) { return (count + size - 1) / size; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

bool wf_train_product_is_available(void) {
    return wf_kernels_level() == WF_LEVEL_AVX512_BF16;
}

/// Rows (or columns) of a strip: whole panels.
static int64_t strip_length(int64_t depth, int64_t panel) {
    const int64_t length = stripNumbers / smaller(depth + 1, deepest) / panel * panel;
    return length < panel ? panel : length;
}

/// Tasks that pack the left factor: as many rows each as a right panel has columns.
static int64_t left_packs(int64_t rows) { return parts(rows, tileColumns); }

/// Whether tiles read the left factor where it is: whole panels of pairs, in rows that do not all fall into the same
/// sets of the first-level cache, as rows some pages apart do.
static bool reads_left(const wf_train_product *task) {
    const wf_factor *left = &task->left;
    return !left->is_f32 && left->depth_stride == 1 && task->depth % 2 == 0 && task->rows % tileRows == 0
        && left->stride % 2 == 0 && left->stride % 2048 != 0;
}

static size_t packed_count(int64_t length, int64_t depth, int64_t panel) {
    const int64_t strip = smaller(parts(length, panel) * panel, strip_length(depth, panel));
    return (size_t)(strip * parts(smaller(depth, deepest), 2));
}

/// Sums between parts of the depth are kept apart where the result is rounded.
static bool needs_sums(const wf_train_product *task) { return task->depth > deepest && !task->output_is_f32; }

/// Words of the packed left factor.
static size_t left_count(const wf_train_product *task) {
    return reads_left(task) ? 0 : packed_count(task->rows, task->depth, tileRows);
}

size_t wf_train_product_scratch(const wf_train_product *task) {
    return left_count(task) + packed_count(task->columns, task->depth, tileColumns)
        + (needs_sums(task) ? (size_t)(task->rows * task->columns) : 0);
}

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), \
                             apply_to = function)

WF_INLINE __mmask16 lanes(int64_t count) {
    return count >= 16 ? 0xffff : count <= 0 ? 0 : (__mmask16)((1u << count) - 1);
}

/// Up to 16 neighbours as bf16, zeros after them.
WF_INLINE __m256i sixteen(const wf_factor *factor, const bool is_f32, int64_t place, __mmask16 mask) {
    if (is_f32)
        return (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, (const float *)factor->data + place));
    return _mm256_maskz_loadu_epi16(mask, (const uint16_t *)factor->data + place);
}

/// 16 vectors of 16 words become their columns.
WF_INLINE void transpose(__m512i r[16]) {
    __m512i t[16];
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 4; i++) {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
    for (int i = 0; i < 8; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    }
}

/// Where a group of up to 48 rows of a factor is packed: one panel of 48, or six of 8.
typedef struct packing {
    uint32_t *words;
    int64_t pairs;
    int64_t count;  // rows that there are; the rest is 0, as far as there are panels
} packing;

/// Stores 16 words of one pair of depths.
WF_INLINE void store_words(const packing *to, const bool is_left, int64_t row, int64_t pair, __m512i words) {
    if (!is_left) {
        _mm512_storeu_si512(to->words + pair * tileColumns + row, words);
        return;
    }
    uint32_t *panel = to->words + row * to->pairs + pair * tileRows;
    _mm256_storeu_si256((__m256i *)panel, _mm512_castsi512_si256(words));
    if (row + tileRows < to->count)
        _mm256_storeu_si256((__m256i *)(panel + to->pairs * tileRows), _mm512_extracti64x4_epi64(words, 1));
}

/// Rows along the depth: squares of 16 rows and 32 depths are turned.
WF_INLINE void pack_along(const wf_factor *factor, int64_t begin, int64_t from, int64_t depth, const packing *to,
                         const bool is_left, const bool is_f32) {
    const int64_t rows = is_left ? to->count : tileColumns;
    for (int64_t row = 0; row < rows; row += 16)
        for (int64_t pair = 0; pair < to->pairs; pair += 16) {
            __m512i words[16];
            const int64_t left = depth - 2 * pair, made = smaller(to->pairs - pair, 16);
            const __mmask16 first = lanes(left), second = lanes(left - 16);
            for (int i = 0; i < 16; i++) {
                const int64_t place = (begin + row + i) * factor->stride + from + 2 * pair;
                words[i] = row + i >= to->count
                    ? _mm512_setzero_si512()
                    : _mm512_inserti64x4(_mm512_castsi256_si512(sixteen(factor, is_f32, place, first)),
                                         sixteen(factor, is_f32, place + 16, second), 1);
            }
            transpose(words);
            for (int i = 0; i < 16; i++) {
                if (i >= made) break;
                store_words(to, is_left, row, pair + i, words[i]);
            }
        }
}

/// Rows side by side at each depth: neighbours along the depth are woven together.
WF_INLINE void pack_across(const wf_factor *factor, int64_t begin, int64_t from, int64_t depth, const packing *to,
                         const bool is_left, const bool is_f32) {
    const int64_t rows = is_left ? to->count : tileColumns;
    const int64_t size = is_f32 ? 4 : 2, step = factor->depth_stride, ahead = 8 * step;
    for (int64_t pair = 0; pair < to->pairs; pair++) {
        const int64_t place = begin + (from + 2 * pair) * step;
        const char *address = (const char *)factor->data + (place + ahead) * size;
        for (int64_t byte = 0; byte < tileColumns * size; byte += 64) {
            _mm_prefetch(address + byte, _MM_HINT_T0);
            _mm_prefetch(address + step * size + byte, _MM_HINT_T0);
        }
        for (int64_t row = 0; row < rows; row += 16) {
            const __mmask16 real = lanes(to->count - row);
            const __m256i even = sixteen(factor, is_f32, place + row, real);
            const __m256i odd =
                2 * pair + 1 < depth ? sixteen(factor, is_f32, place + step + row, real) : _mm256_setzero_si256();
            store_words(to, is_left, row, pair,
                        _mm512_or_si512(_mm512_cvtepu16_epi32(even),
                                        _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16)));
        }
    }
}

WF_INLINE void pack(const wf_factor *factor, int64_t begin, int64_t from, int64_t depth, const packing *to,
                    const bool is_left, const bool is_f32) {
    if (factor->depth_stride == 1) pack_along(factor, begin, from, depth, to, is_left, is_f32);
    else pack_across(factor, begin, from, depth, to, is_left, is_f32);
}

static void pack_task(void *context, int32_t index) {
    const product_loop *loop = context;
    const int64_t left_tasks = loop->packs_left ? left_packs(loop->rows) : 0;
    const bool is_left = index < left_tasks;
    const int64_t begin = (is_left ? index : index - left_tasks) * tileColumns;
    const int64_t pairs = parts(loop->depths, 2);
    const packing to = {
        .words = (is_left ? loop->left : loop->right) + begin * pairs,
        .pairs = pairs,
        .count = smaller((is_left ? loop->rows : loop->columns) - begin, tileColumns),
    };
    const wf_factor *factor = is_left ? &loop->task->left : &loop->task->right;
    const int64_t first = (is_left ? loop->row : loop->column) + begin;
    const bool is_f32 = factor->is_f32;
    if (is_left && is_f32) pack(factor, first, loop->depth, loop->depths, &to, true, true);
    else if (is_left) pack(factor, first, loop->depth, loop->depths, &to, true, false);
    else if (is_f32) pack(factor, first, loop->depth, loop->depths, &to, false, true);
    else pack(factor, first, loop->depth, loop->depths, &to, false, false);
}

/// One tile: sums of earlier parts of the depth, if any, plus the products of two panels.
/// `row_step` and `pair_step` are the words between rows and pairs of the left panel.
WF_INLINE void tile(const pair_of_numbers *left, const int64_t row_step, const int64_t pair_step,
                    const uint32_t *right, int64_t pairs, const float *before, float *sums, uint16_t *rounded,
                    int64_t stride, int64_t rows, int64_t columns) {
    __m512 sum[tileRows][tileVectors];
    __mmask16 masks[tileVectors];
    for (int v = 0; v < tileVectors; v++) masks[v] = lanes(columns - 16 * v);
    for (int i = 0; i < tileRows; i++)
        for (int v = 0; v < tileVectors; v++)
            sum[i][v] = before && i < rows ? _mm512_maskz_loadu_ps(masks[v], before + i * stride + 16 * v)
                                           : _mm512_setzero_ps();
    for (int64_t pair = 0; pair < pairs; pair++, right += tileColumns) {
        __m512bh row[tileVectors];
        for (int v = 0; v < tileVectors; v++) row[v] = (__m512bh)_mm512_loadu_si512(right + 16 * v);
        for (int i = 0; i < tileRows; i++) {
            const __m512bh factor = (__m512bh)_mm512_set1_epi32((int32_t)left[i * row_step + pair * pair_step]);
            for (int v = 0; v < tileVectors; v++) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], factor, row[v]);
        }
    }
    for (int i = 0; i < tileRows; i++) {
        if (i >= rows) break;
        for (int v = 0; v < tileVectors; v++) {
            const int64_t place = i * stride + 16 * v;
            if (rounded)
                _mm256_mask_storeu_epi16(rounded + place, masks[v], (__m256i)_mm512_cvtneps_pbh(sum[i][v]));
            else _mm512_mask_storeu_ps(sums + place, masks[v], sum[i][v]);
        }
    }
}

static void tile_task(void *context, int32_t index) {
    const product_loop *loop = context;
    const wf_train_product *task = loop->task;
    const int64_t pairs = parts(loop->depths, 2), stride = task->columns;
    const int64_t row_panels = parts(loop->rows, tileRows), column_panels = parts(loop->columns, tileColumns);
    const int64_t row_tasks = parts(row_panels, loop->row_group);
    const int64_t first_row = index % row_tasks * loop->row_group, first_column = index / row_tasks * loop->column_group;
    const int64_t last_row = smaller(row_panels, first_row + loop->row_group);
    const int64_t last_column = smaller(column_panels, first_column + loop->column_group);
    const bool is_last = loop->depth + loop->depths == task->depth;
    const bool adds = loop->depth > 0 || task->accumulates;
    uint16_t *rounded = is_last && !task->output_is_f32 ? task->output : NULL;
    for (int64_t c = first_column; c < last_column; c++)
        for (int64_t r = first_row; r < last_row; r++) {
            const int64_t place = (loop->row + r * tileRows) * stride + loop->column + c * tileColumns;
            const uint32_t *right = loop->right + c * pairs * tileColumns;
            const float *before = adds ? loop->sums + place : NULL;
            float *sums = loop->sums ? loop->sums + place : NULL;
            uint16_t *numbers = rounded ? rounded + place : NULL;
            const int64_t rows = loop->rows - r * tileRows, columns = loop->columns - c * tileColumns;
            if (loop->left)
                tile(loop->left + r * pairs * tileRows, 1, tileRows, right, pairs, before, sums, numbers, stride, rows,
                     columns);
            else
                tile((const pair_of_numbers *)((const uint16_t *)task->left.data
                                               + (loop->row + r * tileRows) * task->left.stride + loop->depth),
                     task->left.stride / 2, 1, right, pairs, before, sums, numbers, stride, rows, columns);
        }
}

#pragma clang attribute pop

/// One part of the result and of the depth.
static void run_strip(product_loop *loop, wf_pool *pool) {
    const int64_t row_panels = parts(loop->rows, tileRows), column_panels = parts(loop->columns, tileColumns);
    const int64_t packs = (loop->packs_left ? left_packs(loop->rows) : 0)
        + (loop->packs_right ? column_panels : 0);
    wf_pool_run(pool, (int32_t)packs, pack_task, loop);
    // Tasks of one size, about sixteen a thread: who ends first waits for less.
    const int64_t row_tasks = parts(row_panels, blockPanels);
    loop->row_group = parts(row_panels, row_tasks);
    loop->column_group = parts(column_panels, smaller(column_panels, parts(16 * wf_pool_threads(pool), row_tasks)));
    const int64_t tasks = row_tasks * parts(column_panels, loop->column_group);
    wf_pool_run(pool, (int32_t)tasks, tile_task, loop);
}

wf_status wf_train_multiply(const wf_train_product *task, float *scratch, wf_pool *pool) {
    if (!wf_train_product_is_available() || task->rows < 1 || task->columns < 1 || task->depth < 1
        || (task->left.stride != 1 && task->left.depth_stride != 1)
        || (task->right.stride != 1 && task->right.depth_stride != 1) || (task->accumulates && !task->output_is_f32))
        return WF_INVALID_SHAPE;
    product_loop loop = {.task = task, .left = reads_left(task) ? NULL : (uint32_t *)scratch};
    loop.right = (uint32_t *)scratch + left_count(task);
    loop.sums = task->output_is_f32  ? task->output
        : needs_sums(task)           ? (float *)loop.right + packed_count(task->columns, task->depth, tileColumns)
                                     : NULL;
    const int64_t rows = strip_length(task->depth, tileRows), columns = strip_length(task->depth, tileColumns);
    for (loop.depth = 0; loop.depth < task->depth; loop.depth += loop.depths) {
        loop.depths = smaller(task->depth - loop.depth, deepest);
        for (loop.column = 0; loop.column < task->columns; loop.column += columns) {
            loop.columns = smaller(task->columns - loop.column, columns);
            for (loop.row = 0; loop.row < task->rows; loop.row += rows) {
                loop.rows = smaller(task->rows - loop.row, rows);
                // A left factor of one strip stays packed for all columns, a right strip for all rows.
                loop.packs_left = loop.left && (task->rows > rows || loop.column == 0);
                loop.packs_right = loop.row == 0;
                run_strip(&loop, pool);
            }
        }
    }
    return WF_OK;
}

#else

bool wf_train_product_is_available(void) { return false; }
size_t wf_train_product_scratch(const wf_train_product *task) {
    (void)task;
    return 0;
}
wf_status wf_train_multiply(const wf_train_product *task, float *scratch, wf_pool *pool) {
    (void)task, (void)scratch, (void)pool;
    return WF_INVALID_SHAPE;
}

#endif
