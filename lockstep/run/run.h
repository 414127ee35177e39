// A run: one program through a system under test and the model, step by step, up to the first finding.
//
// Laws: all that the model judges; the run only feeds them (DESIGN section 3). Context: one thread; a runner is reused
// from program to program. Cost: tens of nanoseconds a step besides the two machines, no allocation once warm; a full
// audit costs all frames, spaces and pages. It deliberately catches nothing: a crash inside the system is a crash here
// (run_guarded in lockstep/children/guard.h runs in a child).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/run/digest.h"
#include "lockstep/system.h"
#include "model/model.h"
#include "vocab/program.h"

namespace mmtwin {
struct Resume;  // vocab/operations.h
}  // namespace mmtwin

namespace mmtwin::lockstep {

enum class Verdict : std::uint8_t {
  kAgreed,
  kDiverged,  // an answer or an observation differs from what the model allows
  kViolated,  // an event broke a law, or the machine at rest does
  kCrashed,   // the system under test did not come back
};
inline constexpr std::string_view kVerdictNames[] = {"agreed", "diverged", "violated", "crashed"};
constexpr std::string_view name_of(Verdict v) { return kVerdictNames[static_cast<unsigned>(v)]; }

// Which part of the flow showed the finding.
enum class Phase : std::uint8_t { kNone, kBoot, kEvents, kAnswer, kComparison, kAudit, kRest };
inline constexpr std::string_view kPhaseNames[] = {"none", "boot", "events", "answer", "comparison", "audit", "rest"};
constexpr std::string_view name_of(Phase p) { return kPhaseNames[static_cast<unsigned>(p)]; }

// Everything about one step, for those who tell stories about runs. Valid during the call only.
struct StepView {
  StepNumber step;                       // 0: boot; beyond the program's end: the rest phase
  const Operation* operation = nullptr;  // null at boot
  model::Skip skip = model::Skip::kNone;
  Response response;
  bool is_in_flight = false;  // it paused: the answer comes later, by kEnded
  std::span<const Event> events;
  const Changes& system_changes;
  const Changes& model_changes;
  const model::Finding* finding = nullptr;
};

class StepObserver {
 public:
  virtual void on_step(const StepView& step) = 0;

 protected:
  ~StepObserver() = default;
};

// Whose turn it is, where all schedules are to be seen. Operations in flight together are racers, numbered from 0.
class Chooser {
 public:
  // nullopt: nobody's; the run is given up, or all wait for each other.
  virtual std::optional<std::size_t> choose(const std::vector<std::size_t>& unfinished) = 0;
  // The one that was chosen got to its next point and touched that on its way, or must wait.
  virtual void moved(bool got_further, std::span<const std::uint64_t> touched) = 0;
  virtual bool is_circle() const = 0;

 protected:
  ~Chooser() = default;
};

struct RunOptions {
  std::uint64_t audit_every = 0;  // executed operations between full audits; 0: only the audit at the end
  bool audit_at_end = true;
  bool rest = true;      // at the end: exit, free and drain everything, then LIVE-1
  bool digests = false;  // of answers and events; costs a hash of every event
  bool locate = true;    // a finding that only an audit shows is run again to learn its step
  StepObserver* observer = nullptr;
  Chooser* chooser = nullptr;  // with it, the operations from step race_from on are in flight together
  StepNumber race_from;
  Everywhere race_at = Everywhere::kAtPoints;
  std::atomic<std::uint64_t>* progress = nullptr;  // holds the step being run, for whoever survives a crash
};

// The interval of audits that a long run can afford: an audit visits every frame, so it may happen once per that many
// operations.
std::uint64_t audit_interval(const MachineDescription& machine);

struct RunOutcome {
  Verdict verdict = Verdict::kAgreed;
  Phase phase = Phase::kNone;
  StepNumber step;          // of the finding; beyond the program's end: the rest phase; 0: boot, or no finding
  std::string operation;      // the one at that step, as text without a number; empty: none
  std::string_view operation_name;  // of its kind
  bool gave_up = false;       // the model could not follow an overlap any further: what came before agreed
  bool marking_hole = false;  // the audit found changed what nobody had marked; known once the step is located
  std::optional<model::Finding> finding;
  std::string how;  // kCrashed, and the run goes on without the system: how that ended
  std::uint64_t executed = 0;
  std::array<std::uint64_t, model::kSkipReasons> skipped{};  // by model::Skip
  std::uint64_t items = 0;                                   // pages, entries, objects judged
  std::uint64_t audits = 0;
  std::uint64_t answers = 0;  // digests, if asked for
  std::uint64_t events = 0;

  std::uint64_t skipped_total() const;
  void set_operation(const Operation& operation);
};

class Runner {
 public:
  explicit Runner(System& system);

  RunOutcome run(const Program& program, const RunOptions& options = {});

  System& system() { return system_; }
  const model::Model& model() const { return model_; }
  // Of the last race: whose turns they were, by step; and what all of it came to, whatever frames it used.
  const std::vector<StepNumber>& turns() const { return turns_; }
  const std::string& race_outcome() const { return race_outcome_; }

 private:
  // Stands between system and model only when someone listens: digests or an observer.
  class Tap final : public EventSink {
   public:
    explicit Tap(model::Model& model) : model_(model) {}
    void on_event(const Event& event) override;
    bool hashes = false;
    bool keeps = false;
    Digest digest;
    Digest* answers = nullptr;  // of operations that ended later than they were asked for
    std::vector<Event> kept;  // of the current step

   private:
    model::Model& model_;
  };

  struct Flight {  // an operation in flight
    StepNumber step;
    CpuId cpu;
    SpaceHandle space;  // that it names
  };

  RunOutcome run_once(const Program& program, StepNumber limit);
  RunOutcome locate(const Program& program, const RunOutcome& first);
  bool boot(const MachineDescription& machine);
  bool run_steps(const Program& program, StepNumber limit);
  template <bool kTapped>
  bool run_steps(const Program& program, StepNumber limit);
  template <bool kTapped>
  bool execute(StepNumber step, const Operation& operation);
  bool apply(StepNumber step, const Operation& operation, Response& response);
  model::Skip why_skipped(const Operation& operation) const;
  bool resume(StepNumber step, const Resume& operation);
  bool make_room(StepNumber step, const Operation& operation);
  bool go_on(const Flight& flight, Pause pause, StepNumber step, const Operation* operation);
  const Flight* in_the_way(const Operation& operation) const;
  const Flight* resumed(const Resume& operation) const;
  bool settle(StepNumber step);
  bool race(const Program& program, StepNumber limit);
  bool take_turn(const Program& program, std::size_t racer);
  bool must_wait_to_end(const std::vector<Operation>& operations, const Operation& operation) const;
  std::string describe_race();
  bool landed(StepNumber step, const Operation* operation);
  bool compare();
  bool compare_sorted(const std::vector<Pfn>& a, const std::vector<Pfn>& b);
  bool compare_frame(Pfn at);
  bool judge_frame(Pfn at, const FrameObservation& seen);
  bool compare_space(SpaceHandle space);
  bool audited(StepNumber after, const Program& program);
  bool audit();
  bool audit_frames();
  bool audit_spaces();
  bool audit_zones();
  bool audit_caches();
  bool audit_entries();
  bool hear_complaint();
  bool rest(const Program& program);
  bool empty_machine(const Program& program);
  bool failed(Phase phase, StepNumber step, const Operation* operation);
  bool is_alive(Phase phase, StepNumber step, const Operation* operation);
  bool judge_blocks();
  void tell(StepNumber step, const Operation* operation, model::Skip skip, const Response& response);

  System& system_;
  model::Model model_;
  Tap tap_;
  Claims claims_;
  std::uint64_t offered_ = 0;
  MachineDescription machine_;
  RunOptions options_;
  RunOutcome outcome_;
  StepNumber acting_;  // of the operation that the step began, or made go on
  StepNumber last_good_audit_;
  bool tapped_ = false;
  bool resting_ = false;
  bool marks_cover_ = false;  // what the audit is judging is something that marks must cover
  Digest answers_;
  struct Racer {
    bool has_begun = false;
    bool has_ended = false;
    Response response;
  };
  std::vector<Racer> racers_;
  std::vector<StepNumber> turns_;
  std::span<const std::uint64_t> touched_;  // by the last turn; empty if its racer could not run
  std::string race_outcome_;
  std::vector<Flight> flights_;              // operations in flight, in the order of their steps
  std::vector<Pfn> frames_;                  // scratch of compare_sorted
  std::vector<RangeObservation> ranges_;     // scratch of compare_space
  std::vector<std::uint64_t> handles_done_;  // scratch of empty_machine, one bit a handle
};

}  // namespace mmtwin::lockstep
