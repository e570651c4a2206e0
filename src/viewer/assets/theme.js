// Runs before anything is drawn, so that a theme that was chosen by hand does not flash.
try {
  const theme = localStorage.getItem('campanile.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is used.
}
