import type {Severity} from '../../wire';
import {TONES} from './sound';

/** Whether a browser lets the page be heard; it does not before a person has touched the page. */
export type Hearing = 'heard' | 'blocked' | 'impossible';

/** Speaker makes the sounds of alerts out of nothing but oscillators: a page without files. */
export class Speaker {
  #context: AudioContext | null = null;

  /** Whether a sound would be heard now. */
  hearing(): Hearing {
    const context = this.#open();
    return context === null ? 'impossible' : context.state === 'running' ? 'heard' : 'blocked';
  }

  /** Asks the browser to be heard; it allows it within a person's click or key. */
  async unlock(): Promise<Hearing> {
    try {
      await this.#open()?.resume();
    } catch {
      // The answer below says so.
    }
    return this.hearing();
  }

  /** Plays the sound of a severity, if the browser lets it. Volume is 0 to 1. */
  play(severity: Severity, volume: number): void {
    const context = this.#open();
    if (context === null || context.state !== 'running') return;
    for (const tone of TONES[severity]) {
      const start = context.currentTime + 0.02 + tone.atSeconds;
      const oscillator = context.createOscillator();
      const gain = context.createGain();
      oscillator.type = 'triangle';
      oscillator.frequency.value = tone.hertz;
      // Soft edges: a tone that starts at once clicks.
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(volume * 0.5, start + 0.015);
      gain.gain.setValueAtTime(volume * 0.5, start + tone.seconds - 0.04);
      gain.gain.linearRampToValueAtTime(0, start + tone.seconds);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(start);
      oscillator.stop(start + tone.seconds);
    }
  }

  #open(): AudioContext | null {
    if (this.#context === null && 'AudioContext' in window) {
      try {
        this.#context = new AudioContext();
      } catch {
        return null;
      }
    }
    return this.#context;
  }
}
