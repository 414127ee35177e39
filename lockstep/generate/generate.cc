#include "lockstep/generate/generate.h"

#include <algorithm>

#include "lockstep/generate/edge.h"
#include "vocab/bounds.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

static_assert(kOperationKinds <= 64, "a KindMask has a bit for each");
constexpr unsigned kEdges = 6;  // percent of single operations that are moved to an edge
constexpr unsigned kMostScenesInVain = 1000;  // with nearly all kinds left out, most scenes come to nothing

// Programs differ in where their window lies: at the lowest address, across the borders of tables of every level, at
// the heap and at the end of the user half.
std::uint64_t draw_window(Random& random, const Foresight& known) {
  const std::uint64_t table = known.geometry().huge_bytes;  // bytes that one leaf table maps
  const std::uint64_t entries = table / kPageBytes;
  const std::uint64_t half = 24 * kPageBytes;
  const std::uint64_t windows[] = {0x10000,
                                   0x10000,
                                   table * 4 - half,
                                   table * entries - half,
                                   table * entries * entries - half,
                                   known.geometry().user_end - 2 * half,
                                   known.geometry().default_brk - half};
  const std::uint64_t drawn = random.pick(windows);
  return drawn < known.geometry().user_end ? drawn : 0x10000;
}

// Kinds without which little else can happen are never left out.
constexpr KindMask kBasic = KindMask{1} << kKindOf<PagesAlloc> | KindMask{1} << kKindOf<SpaceCreate> |
                            KindMask{1} << kKindOf<RangeMapAnon> | KindMask{1} << kKindOf<MemoryStore> |
                            KindMask{1} << kKindOf<PagesFree>;

template <class Op>
constexpr bool kUsesBlock = requires(Op op) { op.block; };
template <class Op>
constexpr bool kUsesSpace = requires(Op op) { op.space; };

}  // namespace

Family family_of(std::size_t kind) {
  static constexpr auto kTable = [] {
    std::array<Family, kOperationKinds> table{};
    for (std::size_t k = 0; k < kOperationKinds; ++k) {
      std::size_t family = 0;
      while (!kOperationNames[k].starts_with(kFamilyPrefixes[family])) ++family;
      table[k] = static_cast<Family>(family);
    }
    return table;
  }();
  return kTable[kind];
}

KindMask kinds_of(Family family) {
  KindMask kinds = 0;
  for (std::size_t kind = 0; kind < kOperationKinds; ++kind) {
    if (family_of(kind) == family) kinds |= KindMask{1} << kind;
  }
  return kinds;
}

Generator::Generator(const GenerateOptions& options)
    : random_(options.seed),
      known_(options.machine, options.handles),
      weights_(options.weights),
      kinds_(options.kinds) {
  for (std::size_t family = 0; family < kFamilies; ++family) {
    if ((kinds_ & kinds_of(static_cast<Family>(family))) == 0) weights_[family] = 0;
  }
  window_ = draw_window(random_, known_);
  const std::uint64_t drawn = random_.next(), drawn_again = random_.next();
  if (options.pauses != 0 && random_.percent(options.pauses)) pauses_ = static_cast<unsigned>(random_.between(4, 40));
  if (options.swarm && drawn % 4 != 0) kinds_ &= drawn | drawn_again | kBasic;
}

CpuId Generator::cpu() { return Aim(random_, known_, window_, pauses_).cpu(); }

bool Generator::may_use(std::size_t kind) const {
  return (kinds_ >> kind & 1) != 0 && (pauses_ != 0 || kind != kKindOf<Resume>);
}

void Generator::single(std::size_t kind, Operation& into) {
  make_blank(kind, into);
  std::visit([&](auto& op) { Aim(random_, known_, window_, pauses_).fill(op); }, into);
}

void Generator::tweak(Operation& operation) {
  std::visit(
      [&](auto& op) {
        const std::size_t which = random_.below(kFieldCount<std::decay_t<decltype(op)>>);
        Aim(random_, known_, window_, pauses_).redraw(op, which);
      },
      operation);
}

// Else there is nothing to name, or no handle left for the result: the operation would be skipped.
bool Generator::is_possible(std::size_t kind) const {
  if (!may_use(kind)) return false;
  Operation operation;
  make_blank(kind, operation);
  return std::visit(
      [&](const auto& op) {
        using Op = std::decay_t<decltype(op)>;
        if (kUsesBlock<Op> && known_.blocks().empty()) return false;
        if (kUsesSpace<Op> && known_.spaces().empty()) return false;
        bool has_result = true;
        for_each_field(op, [&](const auto& field) {
          using T = typename std::decay_t<decltype(field)>::Value;
          if constexpr (kIsResult<T>) {
            if (!kResultMayBeNone<T::kLetter> && known_.free_handle(T::kLetter) == 0) has_result = false;
          }
        });
        return has_result;
      },
      operation);
}

void Generator::emit_kind(std::size_t kind) {
  if (random_.percent(kEdges)) return emit_edge(kind);
  if (!is_possible(kind)) return;
  Operation operation;
  single(kind, operation);
  into_->push_back(operation);
  known_.assume(operation);
}

void Generator::emit_edge(std::size_t kind) {
  if (!is_possible(kind)) return;
  Operation operation;
  single(kind, operation);
  if (!known_.is_in_vain(operation)) move_to_edge(operation, known_, random_);
  into_->push_back(operation);
  known_.assume(operation);
}

void Generator::one_operation() {
  std::array<std::uint32_t, kOperationKinds> weights{};
  std::uint32_t sum = 0;
  for (std::size_t kind = 0; kind < kOperationKinds; ++kind) {
    if (may_use(kind)) sum += weights[kind] = weights_[static_cast<std::size_t>(family_of(kind))];
  }
  if (sum != 0) emit_kind(random_.weighted(weights));
}

Program generate(const GenerateOptions& options) {
  Program program;
  program.machine = options.machine;
  program.operations.reserve(options.operations + 32);
  Generator generator(options);
  unsigned in_vain = 0;
  while (program.operations.size() < options.operations && in_vain < kMostScenesInVain) {
    const std::size_t before = program.operations.size();
    generator.scene(program.operations);
    in_vain = program.operations.size() == before ? in_vain + 1 : 0;
  }
  program.operations.resize(std::min(program.operations.size(), options.operations));
  return program;
}

}  // namespace mmtwin::lockstep
