// Parts of a recommender that answers, shared among threads. Rows are computed each on its own, so results do not depend on
// the number of threads.

#include "../internal.h"

#include <stdlib.h>
#include <string.h>

enum { elementsPerTask = 32768 };

static int32_t parts(int64_t count, int64_t size) { return (int32_t)((count + size - 1) / size); }
static int64_t end_of(int64_t begin, int64_t size, int64_t count) { return begin + size < count ? begin + size : count; }

typedef struct dice_loop {
    const wf_kernels *kernels;
    float *x;
    const float *scale, *shift, *slope;
    int64_t rows, columns, rows_per_task;
} dice_loop;

static void dice_task(void *context, int32_t index) {
    const dice_loop *loop = context;
    const int64_t begin = (int64_t)index * loop->rows_per_task;
    const int64_t end = end_of(begin, loop->rows_per_task, loop->rows);
    loop->kernels->dice(loop->x + begin * loop->columns, loop->scale, loop->shift, loop->slope, end - begin,
                        loop->columns);
}

void wf_dice(float *x, const float *scale, const float *shift, const float *slope, int64_t rows, int64_t columns,
             wf_pool *pool) {
    if (rows <= 0 || columns <= 0) return;
    const int64_t size = columns < elementsPerTask ? elementsPerTask / columns : 1;
    dice_loop loop = {wf_kernels_current(), x, scale, shift, slope, rows, columns, size};
    wf_pool_run(pool, parts(rows, size), dice_task, &loop);
}

// MARK: Layers in the order of the kernel

enum { mostLayers = 16 };
static const int64_t mostNumbers = INT64_C(1) << 40;

typedef struct packed_tower {
    wf_packed_layer layers[mostLayers];
    const wf_tower_layer *sources;
    int32_t count;
    /// How many weights the first layer has, one behind the other.
    int64_t copies;
    /// Numbers of one of them.
    int64_t first_size;
    int64_t widest;
    float *memory;
} packed_tower;

static int64_t rounded(int64_t count) { return (count + 15) / 16 * 16; }

static float *aligned_floats(int64_t count) { return aligned_alloc(64, (size_t)rounded(count) * sizeof(float)); }

/// One panel of sixteen columns.
static void pack_panel(const wf_tower_layer *source, int64_t copy, int64_t inputs, int64_t given, int64_t column,
                       float *panel) {
    const int64_t columns = end_of(column, 16, source->columns) - column;
    memset(panel, 0, (size_t)(16 * (1 + inputs)) * sizeof *panel);
    if (source->bias) memcpy(panel, source->bias + copy * source->columns + column, (size_t)columns * sizeof *panel);
    const float *weight = source->weight + (copy * source->columns + column) * source->weight_stride;
    for (int64_t c = 0; c < columns; c++)
        for (int64_t i = 0; i < given; i++) panel[16 * (1 + i) + c] = weight[c * source->weight_stride + i];
}

/// One copy of the first layer, or one of the layers after it.
static void pack_task(void *context, int32_t index) {
    const packed_tower *tower = context;
    const int64_t copy = index < tower->copies ? index : 0;
    const int32_t place = index < tower->copies ? 0 : index - (int32_t)tower->copies + 1;
    const wf_packed_layer *layer = tower->layers + place;
    const wf_tower_layer *source = tower->sources + place;
    const int64_t given = place ? source[-1].columns : layer->inputs;
    float *panel = layer->panels + copy * tower->first_size;
    for (int64_t column = 0; column < layer->columns; column += 16, panel += 16 * (1 + layer->inputs))
        pack_panel(source, copy, layer->inputs, given, column, panel);
    if (copy > 0 || source->activation != WF_TOWER_DICE) return;
    const float *gates[3] = {source->scale, source->shift, source->slope};
    memset(layer->gates, 0, (size_t)(3 * layer->columns) * sizeof(float));
    for (int gate = 0; gate < 3; gate++)
        memcpy(layer->gates + gate * layer->columns, gates[gate], (size_t)source->columns * sizeof(float));
}

static wf_status pack(packed_tower *tower, const wf_tower_layer *layers, int32_t count, int64_t inputs, int64_t copies,
                      wf_pool *pool) {
    if (count < 1 || count > mostLayers || inputs < 1 || copies < 1) return WF_INVALID_SHAPE;
    *tower = (packed_tower){.sources = layers, .count = count, .copies = copies, .widest = inputs};
    int64_t total = 0;
    for (int32_t place = 0; place < count; place++) {
        const wf_tower_layer *source = layers + place;
        if (source->columns < 1 || source->columns > INT32_MAX || inputs > INT32_MAX) return WF_INVALID_SHAPE;
        if (source->activation == WF_TOWER_DICE && !(source->scale && source->shift && source->slope))
            return WF_INVALID_SHAPE;
        wf_packed_layer *layer = tower->layers + place;
        *layer = (wf_packed_layer){inputs, rounded(source->columns), source->activation, NULL, NULL};
        const int64_t size = layer->columns * (1 + inputs);
        if (size > mostNumbers / copies) return WF_INVALID_SHAPE;
        if (place == 0) tower->first_size = size;
        total += (place ? size : size * copies) + 3 * layer->columns;
        if (layer->columns > tower->widest) tower->widest = layer->columns;
        inputs = layer->columns;
    }
    float *next = aligned_floats(total);
    if (!next) return WF_OUT_OF_MEMORY;
    tower->memory = next;
    for (int32_t place = 0; place < count; place++) {
        wf_packed_layer *layer = tower->layers + place;
        layer->panels = next;
        next += layer->columns * (1 + layer->inputs) * (place ? 1 : copies);
        layer->gates = next;
        next += 3 * layer->columns;
    }
    wf_pool_run(pool, (int32_t)copies + count - 1, pack_task, tower);
    return WF_OK;
}

/// Takes a tile through the layers.
/// - Parameter scratch: two tiles of the widest layer.
/// - Returns: the tile behind the last layer.
static const float *through(const wf_kernels *kernels, const packed_tower *tower, int64_t copy, const float *x,
                            float *scratch) {
    float *y = scratch, *other = scratch + WF_TOWER_TILE * tower->widest;
    for (int32_t place = 0; place < tower->count; place++) {
        const wf_packed_layer *layer = tower->layers + place;
        kernels->tower_tile(layer, layer->panels + (place ? 0 : copy * tower->first_size), x, y);
        x = y;
        float *const next = other;
        other = y;
        y = next;
    }
    return x;
}

// MARK: Tiles

/// Of a tower (`history` null) or of targets that pool a history.
typedef struct tile_loop {
    const wf_kernels *kernels;
    const packed_tower *tower;
    const float *x, *history;
    float *y;
    int64_t rows, inputs, columns;
    int64_t workers;
    float *scratch;
} tile_loop;

/// Two tiles of the widest layer, one of the input, one of the result.
static int64_t scratch_count(const tile_loop *loop) {
    return WF_TOWER_TILE * (2 * loop->tower->widest + loop->inputs + loop->columns);
}

static void pool_history(const tile_loop *loop, const float *tile, float *scratch, float *result) {
    const int64_t dimensions = loop->inputs, width = loop->tower->layers[loop->tower->count - 1].columns;
    memset(result, 0, (size_t)(WF_TOWER_TILE * dimensions) * sizeof *result);
    for (int64_t item = 0; item < loop->tower->copies; item++) {
        const float *shares = through(loop->kernels, loop->tower, item, tile, scratch);
        const float *vector = loop->history + item * dimensions;
        for (int row = 0; row < WF_TOWER_TILE; row++)
            for (int64_t i = 0; i < dimensions; i++) result[row * dimensions + i] += shares[row * width] * vector[i];
    }
}

/// Every worker has a scratch of its own and takes each of the `workers`-th tiles.
static void tile_worker(void *context, int32_t worker) {
    const tile_loop *loop = context;
    const int64_t inputs = loop->inputs, columns = loop->columns;
    const int64_t width = loop->tower->layers[loop->tower->count - 1].columns;
    float *scratch = loop->scratch + worker * scratch_count(loop);
    float *tile = scratch + 2 * WF_TOWER_TILE * loop->tower->widest, *result = tile + WF_TOWER_TILE * inputs;
    for (int64_t begin = worker * WF_TOWER_TILE; begin < loop->rows; begin += loop->workers * WF_TOWER_TILE) {
        const int64_t count = end_of(begin, WF_TOWER_TILE, loop->rows) - begin;
        const float *x = loop->x + begin * inputs;
        if (count < WF_TOWER_TILE) {
            memset(tile, 0, (size_t)(WF_TOWER_TILE * inputs) * sizeof *tile);
            x = memcpy(tile, x, (size_t)(count * inputs) * sizeof *tile);
        }
        float *const y = loop->y + begin * columns;
        if (loop->history) {
            pool_history(loop, x, scratch, result);
            memcpy(y, result, (size_t)(count * columns) * sizeof *y);
            continue;
        }
        const float *last = through(loop->kernels, loop->tower, 0, x, scratch);
        for (int64_t row = 0; row < count; row++)
            memcpy(y + row * columns, last + row * width, (size_t)columns * sizeof *y);
    }
}

static wf_status run_tiles(tile_loop *loop, wf_pool *pool) {
    const int64_t tiles = (loop->rows + WF_TOWER_TILE - 1) / WF_TOWER_TILE, most = 4 * (int64_t)wf_pool_threads(pool);
    loop->kernels = wf_kernels_current();
    loop->workers = tiles < most ? tiles : most;
    loop->scratch = aligned_floats(loop->workers * scratch_count(loop));
    if (!loop->scratch) return WF_OUT_OF_MEMORY;
    wf_pool_run(pool, (int32_t)loop->workers, tile_worker, loop);
    free(loop->scratch);
    return WF_OK;
}

wf_status wf_tower_run(const wf_tower *task, wf_pool *pool) {
    packed_tower tower;
    wf_status status = pack(&tower, task->layers, task->layer_count, task->inputs, 1, pool);
    if (status != WF_OK) return status;
    if (task->rows > 0) {
        tile_loop loop = {
            .tower = &tower, .x = task->x, .y = task->y, .rows = task->rows, .inputs = task->inputs,
            .columns = task->layers[task->layer_count - 1].columns,
        };
        status = run_tiles(&loop, pool);
    }
    free(tower.memory);
    return status;
}

wf_status wf_target_attend(const wf_target_attention *task, wf_pool *pool) {
    if (task->layer_count < 2 || task->layers[task->layer_count - 1].columns != 1) return WF_INVALID_SHAPE;
    packed_tower tower;
    wf_status status = pack(&tower, task->layers, task->layer_count, task->dimensions, task->items, pool);
    if (status != WF_OK) return status;
    if (task->targets > 0) {
        tile_loop loop = {
            .tower = &tower, .x = task->target, .history = task->history, .y = task->output, .rows = task->targets,
            .inputs = task->dimensions, .columns = task->dimensions,
        };
        status = run_tiles(&loop, pool);
    }
    free(tower.memory);
    return status;
}
