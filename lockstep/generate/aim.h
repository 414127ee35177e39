// Field values for one operation, drawn by the fields' types and names and aimed at what exists.
//
// Laws: none. Context: one thread; the known must not change while an Aim lives. Cost: linear in a space's ranges.
// Where ranges begin and end, neighbours' attributes, half pages, page straddles and lengths of zero are where a
// uniform draw finds nothing (kernel mutants survived 600 uniform cases each). It deliberately has no line per
// operation: the fields of a struct are drawn in their order, and `space`, `at`, `length` … see each other.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "lockstep/generate/foresight.h"
#include "lockstep/random.h"
#include "vocab/flags.h"
#include "vocab/handles.h"
#include "vocab/points.h"
#include "vocab/reflection.h"
#include "vocab/units.h"

namespace mmtwin::lockstep {

// A pause there. Most operations pass a point once or twice, and touch words of a kind a few dozen times.
Pause pause_at(Random& random, Point point);
Pause pause_anywhere(Random& random);

class Aim {
 public:
  // `window`: first byte of the pages that absolute places prefer.
  // `pauses`: percent of operations that pause.
  Aim(Random& random, const Foresight& known, std::uint64_t window, unsigned pauses = 0)
      : random_(random), known_(known), window_(window), pauses_(pauses) {}

  // Draws every field of `op`.
  template <class Op>
  void fill(Op& op) {
    about<Op>();
    for_each_field(op, [&](auto& field) { draw(field.value(), std::decay_t<decltype(field)>::kName); });
  }
  // Draws one field anew, the others as they are.
  template <class Op>
  void redraw(Op& op, std::size_t which) {
    about<Op>();
    std::size_t number = 0;
    for_each_field(op, [&](auto& field) {
      using T = typename std::decay_t<decltype(field)>::Value;
      if constexpr (std::is_same_v<T, SpaceHandle>) space_ = known_.space(field.value());
      if constexpr (std::is_same_v<T, Place>) place_ = field.value();
      if (number++ == which) draw(field.value(), std::decay_t<decltype(field)>::kName);
    });
  }

  // Single draws, also for sequences that choose some fields themselves.
  CpuId cpu();
  Prot prot();
  Gfp gfp();
  Place place_in(const KnownSpace& space, bool is_access);
  std::uint64_t length();
  Pause pause();

 private:
  // What is known of an operation from its name and field list.
  template <class Op>
  void about() {
    space_ = nullptr;
    range_ = nullptr;
    is_access_ = Op::kName.starts_with("memory_");
    names_file_ = Op::kName.find("file") != std::string_view::npos;
    has_file_ = requires(Op o) { o.file; };
    makes_range_ = requires(Op o) { o.flags; };
    needs_loaded_ = Op::kName.starts_with("cpu_") && !requires(Op o) { o.space; };
  }

  void draw(CpuId& cpu, std::string_view name);
  void draw(Order& order, std::string_view name);
  void draw(Gfp& gfp, std::string_view name);
  void draw(NodeId& node, std::string_view name);
  void draw(Place& place, std::string_view name);
  void draw(ByteCount& size, std::string_view name);
  void draw(Address& address, std::string_view name);
  void draw(Prot& prot, std::string_view name);
  void draw(MapFlags& flags, std::string_view name);
  void draw(PageCount& pages, std::string_view name);
  void draw(FileId& file, std::string_view name);
  void draw(Width& width, std::string_view name);
  void draw(Value& value, std::string_view name);
  void draw(Count& count, std::string_view name);
  void draw(Switch& on, std::string_view name);
  void draw(Pause& pause, std::string_view name);
  void draw(BlockHandle& block, std::string_view name);
  void draw(SpaceHandle& space, std::string_view name);
  void draw(AddressHandle& address, std::string_view name);
  template <char Letter>
  void draw(Fresh<Letter>& result, std::string_view) {
    result = Fresh<Letter>(result_handle(Letter));
  }

  unsigned result_handle(char letter);
  const KnownRange* some_range(const KnownSpace& space, bool is_access);
  Place near_edge(const KnownRange& range);
  Place inside(const KnownRange& range);
  Place in_window();
  std::uint64_t extreme();

  Random& random_;
  const Foresight& known_;
  std::uint64_t window_;
  unsigned pauses_;
  const KnownSpace* space_ = nullptr;  // of the operation at hand
  const KnownRange* range_ = nullptr;  // that its place was aimed at
  Place place_;
  unsigned cpu_ = 0;
  bool is_access_ = false, names_file_ = false, has_file_ = false, makes_range_ = false, needs_loaded_ = false;
};

}  // namespace mmtwin::lockstep
