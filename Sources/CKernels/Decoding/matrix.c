// Matrices: repacking, rows, products and their plain reference.

#include "../internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/// Bytes of a GGUF block and, inside a panel, of a block's numbers and weights for 16 rows.
typedef struct block_layout {
    size_t stored;
    size_t numbers;
    size_t weights;
} block_layout;

static const block_layout layouts[] = {
    [WF_MATRIX_Q4_1] = {.stored = 20, .numbers = 64, .weights = 256},
    [WF_MATRIX_Q4_0] = {.stored = 18, .numbers = 32, .weights = 256},
    [WF_MATRIX_Q8_0] = {.stored = 34, .numbers = 32, .weights = 512},
};

static bool is_quantised(wf_matrix_kind kind) { return kind <= WF_MATRIX_Q8_0; }

// MARK: Number formats

float wf_f32_from_bf16(uint16_t bits) {
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

float wf_f32_from_f16(uint16_t bits) {
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    const uint32_t magnitude = bits & 0x7fff;
    uint32_t wide = sign | (magnitude << 13);
    float value;
    if (magnitude >= 0x7c00) {  // infinity and not-a-number
        wide |= 0x7f800000;
        memcpy(&value, &wide, sizeof value);
        return value;
    }
    memcpy(&value, &wide, sizeof value);
    return value * 0x1p112f;  // the exponents' biases differ by 112; this also normalises subnormals
}

static uint16_t load16(const void *address) {
    uint16_t value;
    memcpy(&value, address, sizeof value);
    return value;
}

// MARK: Life

size_t wf_matrix_row_bytes(wf_matrix_kind kind, int64_t columns) {
    if (columns <= 0 || columns > INT32_MAX) return 0;
    switch (kind) {
        case WF_MATRIX_F32: return (size_t)columns * 4;
        case WF_MATRIX_BF16: return (size_t)columns * 2;
        case WF_MATRIX_Q4_1:
        case WF_MATRIX_Q4_0:
        case WF_MATRIX_Q8_0: return columns % WF_BLOCK ? 0 : (size_t)(columns / WF_BLOCK) * layouts[kind].stored;
    }
    return 0;
}

/// A matrix without data, or null if the shape is impossible.
static wf_matrix *make(wf_matrix_kind kind, wf_arithmetic arithmetic, int64_t rows, int64_t columns) {
    const size_t row_bytes = wf_matrix_row_bytes(kind, columns);
    if (row_bytes == 0 || rows < 0 || rows > INT32_MAX) return NULL;
    wf_matrix *matrix = calloc(1, sizeof(wf_matrix));
    if (!matrix) return NULL;
    matrix->kind = kind;
    matrix->arithmetic = is_quantised(kind) ? arithmetic : WF_ARITHMETIC_F32;
    matrix->rows = rows;
    matrix->columns = columns;
    matrix->panels = (rows + WF_PANEL_ROWS - 1) / WF_PANEL_ROWS;
    matrix->panel_bytes = row_bytes * WF_PANEL_ROWS;
    if (is_quantised(kind)) {
        const size_t blocks = (size_t)(columns / WF_BLOCK);
        matrix->weights_offset = (blocks * layouts[kind].numbers + 63) / 64 * 64;
        matrix->panel_bytes = matrix->weights_offset + blocks * layouts[kind].weights;
    }
    return matrix;
}

/// Writes one row of GGUF blocks to its place in a panel.
static void pack_row(const wf_matrix *matrix, const uint8_t *source, uint8_t *panel, int64_t row) {
    const block_layout layout = layouts[matrix->kind];
    const bool minima = matrix->kind == WF_MATRIX_Q4_1;
    const bool bytes = matrix->kind == WF_MATRIX_Q8_0;
    for (int64_t block = 0; block < matrix->columns / WF_BLOCK; block++, source += layout.stored) {
        uint8_t *numbers = panel + (size_t)block * layout.numbers;
        uint8_t *weights = panel + matrix->weights_offset + (size_t)block * layout.weights;
        memcpy(numbers + 2 * row, source, 2);
        if (minima) memcpy(numbers + 32 + 2 * row, source + 2, 2);
        const uint8_t *values = source + (minima ? 4 : 2);
        for (size_t group = 0; group < layout.weights / 64; group++) {
            uint32_t four;
            memcpy(&four, values + 4 * group, 4);
            if (bytes) four ^= 0x80808080;
            memcpy(weights + 64 * group + 4 * (size_t)row, &four, 4);
        }
    }
}

wf_matrix *wf_matrix_create(wf_matrix_kind kind, wf_arithmetic arithmetic, int64_t rows, int64_t columns,
                            const void *data) {
    wf_matrix *matrix = make(kind, arithmetic, rows, columns);
    if (!matrix) return NULL;
    const size_t row_bytes = wf_matrix_row_bytes(kind, columns);
    const size_t total = is_quantised(kind) ? (size_t)matrix->panels * matrix->panel_bytes : (size_t)rows * row_bytes;
    uint8_t *memory = wf_slab_allocate(total, &matrix->slab);
    if (!memory) {
        free(matrix);
        return NULL;
    }
    if (is_quantised(kind)) {
        const int64_t full = rows / WF_PANEL_ROWS;
        if (matrix->panels > full) memset(memory + (size_t)full * matrix->panel_bytes, 0, matrix->panel_bytes);
        for (int64_t row = 0; row < rows; row++)
            pack_row(matrix, (const uint8_t *)data + (size_t)row * row_bytes,
                     memory + (size_t)(row / WF_PANEL_ROWS) * matrix->panel_bytes, row % WF_PANEL_ROWS);
    } else {
        memcpy(memory, data, total);
    }
    matrix->data = memory;
    return matrix;
}

wf_matrix *wf_matrix_view(wf_matrix_kind kind, int64_t rows, int64_t columns, const void *data) {
    if (is_quantised(kind)) return NULL;
    wf_matrix *matrix = make(kind, WF_ARITHMETIC_F32, rows, columns);
    if (matrix) matrix->data = data;
    return matrix;
}

void wf_matrix_destroy(wf_matrix *matrix) {
    if (!matrix) return;
    wf_slab_release(matrix->slab);
    free(matrix);
}

int64_t wf_matrix_rows(const wf_matrix *matrix) { return matrix->rows; }

int64_t wf_matrix_columns(const wf_matrix *matrix) { return matrix->columns; }

size_t wf_matrix_bytes(const wf_matrix *matrix) {
    if (is_quantised(matrix->kind)) return (size_t)matrix->panels * matrix->panel_bytes;
    return (size_t)matrix->rows * wf_matrix_row_bytes(matrix->kind, matrix->columns);
}

void wf_matrix_row(const wf_matrix *matrix, int64_t row, float *output) {
    const int64_t columns = matrix->columns;
    if (!is_quantised(matrix->kind)) {
        const uint8_t *source = matrix->data + (size_t)row * wf_matrix_row_bytes(matrix->kind, columns);
        if (matrix->kind == WF_MATRIX_F32) {
            memcpy(output, source, (size_t)columns * sizeof(float));
        } else {
            for (int64_t column = 0; column < columns; column++)
                output[column] = wf_f32_from_bf16(load16(source + 2 * column));
        }
        return;
    }
    const block_layout layout = layouts[matrix->kind];
    const uint8_t *panel = matrix->data + (size_t)(row / WF_PANEL_ROWS) * matrix->panel_bytes;
    const int64_t lane = row % WF_PANEL_ROWS;
    for (int64_t block = 0; block < columns / WF_BLOCK; block++) {
        const uint8_t *numbers = panel + (size_t)block * layout.numbers;
        const uint8_t *weights = panel + matrix->weights_offset + (size_t)block * layout.weights;
        const float scale = wf_f32_from_f16(load16(numbers + 2 * lane));
        const float minimum =
            matrix->kind == WF_MATRIX_Q4_1 ? wf_f32_from_f16(load16(numbers + 32 + 2 * lane)) : 0;
        float *values = output + block * WF_BLOCK;
        for (int column = 0; column < WF_BLOCK; column++) {
            if (matrix->kind == WF_MATRIX_Q8_0) {
                values[column] = scale * (float)((int)weights[64 * (column / 4) + 4 * lane + column % 4] - 128);
            } else {
                const int place = column % 16;
                const int both = weights[64 * (place / 4) + 4 * lane + place % 4];
                const int nibble = column < 16 ? both & 15 : both >> 4;
                values[column] = matrix->kind == WF_MATRIX_Q4_1 ? scale * (float)nibble + minimum
                                                                : scale * (float)(nibble - 8);
            }
        }
    }
}

// MARK: Products

typedef struct product_loop {
    const wf_matrix *matrix;
    const wf_activations *activations;
    wf_product product;
    float *y;
    int64_t step;
} product_loop;

static void product_task(void *context, int32_t index) {
    const product_loop *loop = context;
    const int64_t begin = index * loop->step;
    const int64_t end = begin + loop->step < loop->matrix->panels ? begin + loop->step : loop->matrix->panels;
    loop->product(loop->matrix, begin, end, loop->activations, loop->y, loop->matrix->rows);
}

wf_status wf_matrix_vector(const wf_matrix *matrix, const float *x, int64_t batch, float *y, wf_pool *pool) {
    if (batch <= 0 || matrix->rows == 0) return WF_OK;
    const wf_kernels *kernels = wf_kernels_current();
    wf_activations activations = {.columns = matrix->columns, .batch = batch, .values = x};
    void *memory = NULL;
    if (wf_matrix_wants_integers(matrix)) {
        const int64_t columns = matrix->columns, blocks = columns / WF_BLOCK;
        memory = wf_memory_allocate((size_t)(batch * (columns + 12 * blocks)));
        if (!memory) return WF_OUT_OF_MEMORY;
        activations.quantised = memory;
        activations.scales = (float *)(activations.quantised + batch * columns);
        activations.offsets = activations.scales + batch * blocks;
        activations.sums = (int32_t *)(activations.offsets + batch * blocks);
        for (int64_t row = 0; row < batch; row++)
            kernels->quantise(x + row * columns, columns, activations.quantised + row * columns,
                              activations.scales + row * blocks, activations.offsets + row * blocks,
                              activations.sums + row * blocks);
    }
    product_loop loop = {matrix, &activations, wf_matrix_product(kernels, matrix), y,
                         wf_panels_per_task(matrix, matrix->panels, wf_pool_threads(pool))};
    wf_pool_run(pool, (int32_t)((matrix->panels + loop.step - 1) / loop.step), product_task, &loop);
    wf_memory_free(memory);
    return WF_OK;
}

wf_status wf_matrix_vector_reference(const wf_matrix *matrix, const float *x, int64_t batch, float *y) {
    float *weights = malloc((size_t)matrix->columns * sizeof(float));
    if (!weights) return WF_OUT_OF_MEMORY;
    for (int64_t row = 0; row < matrix->rows; row++) {
        wf_matrix_row(matrix, row, weights);
        for (int64_t item = 0; item < batch; item++) {
            double sum = 0;
            for (int64_t column = 0; column < matrix->columns; column++)
                sum += (double)weights[column] * (double)x[item * matrix->columns + column];
            y[item * matrix->rows + row] = (float)sum;
        }
    }
    free(weights);
    return WF_OK;
}

int64_t wf_index_of_maximum(const float *values, int64_t count) {
    int64_t best = -1;
    for (int64_t start = 0; start < count; start += 1024) {
        // A span's largest value vectorises; its place is looked for only where the span beats the best so far.
        const int64_t end = start + 1024 < count ? start + 1024 : count;
        float largest = -INFINITY;
        bool number = false;
        for (int64_t index = start; index < end; index++) {
            largest = values[index] > largest ? values[index] : largest;
            number |= values[index] == values[index];
        }
        if (!number || (best >= 0 && !(largest > values[best]))) continue;
        for (int64_t index = start; index < end; index++) {
            if (values[index] == largest) {
                best = index;
                break;
            }
        }
    }
    return best;
}
