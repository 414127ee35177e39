// The reference machine: the subsystem said as simply as possible, judging what the system under test does.
//
// Laws: all of model/laws.h. Context: one thread; knows no locks and never guesses: the system moves first, the model
// decides whether the move was allowed and then adopts it. Cost: one step costs what it touches, whatever the machine's
// size. It deliberately shares no logic with impl/, does no I/O and throws nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <span>
#include <string_view>
#include <vector>

#include "model/contract/skip.h"
#include "model/finding.h"
#include "vocab/claims.h"
#include "vocab/events.h"
#include "vocab/machine.h"
#include "vocab/observations.h"
#include "vocab/handles.h"

namespace mmtwin {
struct Operation;  // vocab/operations.h
}  // namespace mmtwin

namespace mmtwin::model {


class Court;
class AnswerJudge;

class Model final : public EventSink {
 public:
  Model();
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Empties the machine, in time proportional to what the last program touched when the description is unchanged. Boot
  // events follow, then booted().
  void start(const MachineDescription& machine, const Claims& claims);
  void booted();

  Skip inapplicable(const Operation& operation) const;
  // `step`: how events call the operation while others are in flight.
  void begin(const Operation& operation, StepNumber step = StepNumber(0));
  void on_event(const Event& event) override;
  void end(const Response& response);
  // The operation of that step is over, as the harness knows: its end was told.
  void judge_ended(StepNumber step);

  // A refusal left open how far an operation came, and others went on before anybody could look: the run is over.
  bool gave_up() const;

  // First finding since start(); after one, the model's state means nothing.
  const std::optional<Finding>& finding() const;

  // What the model changed since begin().
  const Changes& changes() const;
  // Comparison of one observed thing with what the model holds; a difference becomes the finding.
  void judge_frame(Pfn at, const FrameObservation& seen);
  void judge_ranges(SpaceHandle space, const std::vector<RangeObservation>& seen);
  void judge_space(SpaceHandle space, const SpaceObservation& seen);
  void judge_zone(NodeId node, ZoneKind kind, const ZoneObservation& seen);
  void judge_cache(CacheName cache, const CacheObservation& seen);
  void judge_entry(SpaceHandle space, Vpn page, const EntryObservation& seen);
  // Bytes of a frame whose content is a private anonymous page's; other frames are ignored.
  void judge_bytes(Pfn at, std::span<const std::uint8_t> seen);

  // What owners of blocks saw since the last one, of a system that narrates nothing.
  void judge_blocks(const BlocksObservation& seen);

  // What the system says against its own structures; empty: nothing.
  void judge_complaint(std::string_view complaint);

  // For full audits: every frame in order, every live space, every page that a space has mapped.
  std::vector<SpaceHandle> spaces() const;
  std::vector<Vpn> mapped_pages(SpaceHandle space) const;
  // Recounts the model's own counters and caches against its primary state (a broken model is a bug, it aborts).
  void audit_self() const;
  // At a program's end, when the harness has exited every space, freed every block and drained every list: LIVE-1.
  void judge_rest();

  // How often each law's antecedent held with a wrong value possible, since construction.
  const LawCounts& exercised() const;
  // Items (pages, entries, objects) judged since construction.
  std::uint64_t items_judged() const;

 private:
  bool narrates_ = false;
  std::unique_ptr<Court> court_;
  std::unique_ptr<AnswerJudge> answers_;
};

}  // namespace mmtwin::model
