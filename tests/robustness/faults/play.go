package faults

import (
	"context"
	"errors"
	"fmt"
)

// Stage is what a script is played on.
type Stage struct {
	Scene *Scene
	// Recover waits until something that is published from now on is stored, of each
	// source. It is told which faults have happened since it was called last.
	Recover func(ctx context.Context, faults []string) error
	// Tell, where it is not nil, hears each step when it is done.
	Tell func(step Step)
}

// Play does what the script says. What has begun is put right in the end, whatever
// fails.
func (s Script) Play(ctx context.Context, stage Stage) (err error) {
	p := &player{Stage: stage}
	defer func() {
		for len(p.begun) > 0 {
			err = errors.Join(err, p.end(context.WithoutCancel(ctx), p.begun[len(p.begun)-1]))
		}
	}()
	for _, step := range s {
		if err := p.do(ctx, step); err != nil {
			return fmt.Errorf("playing %s: %w", step, err)
		}
		if stage.Tell != nil {
			stage.Tell(step)
		}
	}
	return nil
}

type player struct {
	Stage
	begun []string
	since []string // the last recovery
}

func (p *player) do(ctx context.Context, step Step) error {
	switch step.Verb {
	case doWait:
		return Sleep(ctx, step.Wait)
	case doRecover:
		since := p.since
		p.since = nil
		return p.Recover(ctx, since)
	case doEnd:
		return p.end(ctx, step.Fault)
	}
	return p.begin(ctx, step.Fault)
}

func (p *player) begin(ctx context.Context, name string) error {
	f, err := Find(name)
	if err != nil {
		return err
	}
	if f.Cannot != nil {
		if why := f.Cannot(p.Scene); why != "" {
			return fmt.Errorf("%s cannot happen: %s", name, why)
		}
	}
	p.since = append(p.since, name)
	p.Scene.Timeline.fault = name
	if f.End != nil {
		p.begun = append(p.begun, name)
	}
	if err := f.Begin(ctx, p.Scene); err != nil {
		return err
	}
	if f.End == nil {
		p.Scene.Timeline.end(name)
	}
	return nil
}

func (p *player) end(ctx context.Context, name string) error {
	for i, begun := range p.begun {
		if begun == name {
			p.begun = append(p.begun[:i:i], p.begun[i+1:]...)
			f, err := Find(name)
			if err != nil {
				return err
			}
			p.Scene.Timeline.fault = name
			err = f.End(ctx, p.Scene)
			p.Scene.Timeline.end(name)
			return err
		}
	}
	return fmt.Errorf("ending %s: it has not begun", name)
}
