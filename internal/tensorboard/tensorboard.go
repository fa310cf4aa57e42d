// Package tensorboard writes TensorBoard's event files.
//
// An event file is a sequence of TFRecords, each holding one Event protocol buffer. The field numbers are those of
// tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto, which have not changed since 2015.
package tensorboard

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Writer appends events to one event file. It is not safe for concurrent use.
type Writer struct {
	file   *os.File
	buffer *bufio.Writer
	now    func() time.Time
	err    error // the first failure; everything after it is refused
}

// Open creates a new event file in the directory, which must exist, for TensorBoard to read together with those that are
// there already. A resumed run opens a file of its own, so a record that a crash cut short is never written behind.
func Open(dir string) (*Writer, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return open(dir, host, os.Getpid(), time.Now)
}

// open takes what names the file from its caller. TensorFlow's names are events.out.tfevents.SECONDS.HOST, and TensorBoard
// reads files of a directory in the order of their names; the process and a counter keep two writers apart.
func open(dir, host string, pid int, now func() time.Time) (*Writer, error) {
	for n := 0; ; n++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", now().Unix(), host, pid, n)
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot create a TensorBoard event file: %w", err)
		}
		w := &Writer{file: file, buffer: bufio.NewWriter(file), now: now}
		if err := w.writeHeader(); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return w, nil
	}
}

// writeHeader writes the event that every event file starts with.
func (w *Writer) writeHeader() error {
	event := w.event(0)
	event = protowire.AppendTag(event, eventFileVersion, protowire.BytesType)
	event = protowire.AppendString(event, "brain.Event:2")
	if err := w.write(event); err != nil {
		return err
	}
	return w.Flush()
}

// Scalar records the value of a tag at a step. NaN and infinities are recorded as they are.
func (w *Writer) Scalar(tag string, step int64, value float64) error {
	var v []byte
	v = protowire.AppendTag(v, valueTag, protowire.BytesType)
	v = protowire.AppendString(v, tag)
	v = protowire.AppendTag(v, valueSimple, protowire.Fixed32Type)
	v = protowire.AppendFixed32(v, math.Float32bits(float32(value)))
	return w.write(appendSummary(w.event(step), v))
}

// Start says that the steps from the given one on follow. Readers drop what older files hold of them: a run that was killed
// after its last checkpoint had got further than where it is resumed.
func (w *Writer) Start(step int64) error {
	log := protowire.AppendTag(nil, logStatus, protowire.VarintType)
	log = protowire.AppendVarint(log, logStart)
	event := protowire.AppendTag(w.event(step), eventSessionLog, protowire.BytesType)
	return w.write(protowire.AppendBytes(event, log))
}

// Flush hands everything recorded so far to the operating system, so that it outlives the process and a running TensorBoard
// shows it.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.buffer.Flush()
	}
	return wrap(w.err)
}

// Close flushes and closes the file.
func (w *Writer) Close() error {
	err := errors.Join(w.Flush(), wrap(w.file.Close()))
	if w.err == nil {
		w.err = os.ErrClosed
	}
	return err
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot write TensorBoard events: %w", err)
}

// Field numbers.
const (
	eventWallTime    = 1 // double, seconds since 1970
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	eventSessionLog  = 7 // SessionLog

	summaryValue = 1 // repeated Value

	valueTag    = 1 // string
	valueSimple = 2 // float

	logStatus = 1 // SessionStatus
	logStart  = 1 // its value START
)

// event starts an Event: time and step. As in every protocol buffer of this version, a zero is left out.
func (w *Writer) event(step int64) []byte {
	seconds := float64(w.now().UnixMicro()) / 1e6
	event := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	event = protowire.AppendFixed64(event, math.Float64bits(seconds))
	if step != 0 {
		event = protowire.AppendTag(event, eventStep, protowire.VarintType)
		event = protowire.AppendVarint(event, uint64(step))
	}
	return event
}

// appendSummary completes an Event with a Summary of one value.
func appendSummary(event, value []byte) []byte {
	summary := protowire.AppendTag(nil, summaryValue, protowire.BytesType)
	summary = protowire.AppendBytes(summary, value)
	event = protowire.AppendTag(event, eventSummary, protowire.BytesType)
	return protowire.AppendBytes(event, summary)
}

// write frames an event as a TFRecord: length (8 bytes, little-endian), masked CRC of the length, data, masked CRC of the
// data (tensorflow/core/lib/io/record_writer.h).
func (w *Writer) write(data []byte) error {
	record := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	record = binary.LittleEndian.AppendUint32(record, maskedCRC(record))
	record = append(record, data...)
	record = binary.LittleEndian.AppendUint32(record, maskedCRC(data))
	if w.err == nil {
		_, w.err = w.buffer.Write(record)
	}
	return wrap(w.err)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC is the CRC-32C, rotated and shifted because the CRC of data that holds its own CRC is of little use
// (tensorflow/core/lib/hash/crc32c.h).
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}
