package train

import (
	"errors"
	"time"
)

// events is where a run's events go: metrics.jsonl and TensorBoard.
type events struct {
	metrics *metricsFile
	board   *board
	flushed time.Time
}

// flushEvery is how long events may stay in memory.
const flushEvery = time.Second

func openEvents(dir *runDir, step int) (*events, error) {
	metrics, err := openMetrics(dir.metrics(), step)
	if err != nil {
		return nil, err
	}
	board, err := openBoard(dir.tensorboard(), step)
	if err != nil {
		return nil, errors.Join(err, metrics.close())
	}
	return &events{metrics, board, time.Now()}, nil
}

func (e *events) step(s Step) error {
	if err := errors.Join(e.metrics.write(event{Step: &s}), e.board.step(s)); err != nil {
		return err
	}
	if time.Since(e.flushed) < flushEvery {
		return nil
	}
	return e.flush()
}

func (e *events) epoch(epoch Epoch) error {
	return errors.Join(e.metrics.write(event{Epoch: &epoch}), e.board.epoch(epoch), e.flush())
}

func (e *events) flush() error {
	e.flushed = time.Now()
	return errors.Join(e.metrics.flush(), e.board.flush())
}

func (e *events) close() error { return errors.Join(e.metrics.close(), e.board.close()) }

// epochSum adds up the steps of an epoch.
type epochSum struct {
	number  int // from 0
	steps   int
	loss    float64
	seconds float64
	views   float64
	last    Step
}

func newEpochSum(number int) *epochSum { return &epochSum{number: number} }

func (s *epochSum) add(step Step, views int) {
	s.steps++
	s.loss += float64(step.Loss)
	s.views += float64(views)
	s.seconds += float64(views) / float64(step.ViewsPerSecond)
	s.last = step
}

func (s *epochSum) epoch() Epoch {
	return Epoch{
		Step: s.last.Step, Epoch: s.number + 1,
		Loss: Number(s.loss / float64(s.steps)), LearningRate: s.last.LearningRate,
		Seconds: Number(s.seconds), ViewsPerSecond: Number(s.views / s.seconds),
	}
}
