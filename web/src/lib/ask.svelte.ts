// Asking before something is lost: one dialog for the whole interface, never a default that destroys.

export interface Question {
  title: string;
  text: string; // what is lost, and what stays
  yes: string; // the button that does it
  no?: string;
  danger?: boolean;
}

interface Open extends Question {
  answer: (yes: boolean) => void;
}

export const asked = $state({ now: undefined as Open | undefined });

/** Asks, and gives whether it shall be done. A second question takes the place of the first, which is a no. */
export function ask(q: Question): Promise<boolean> {
  asked.now?.answer(false);
  return new Promise((done) => {
    asked.now = {
      ...q,
      answer: (yes) => {
        asked.now = undefined;
        done(yes);
      },
    };
  });
}
