(function () {
  var field = document.getElementById("time_zone");
  if (!field || field.value) return;
  try { field.value = Intl.DateTimeFormat().resolvedOptions().timeZone; } catch (e) { return; }
  if (field.selectedIndex < 0) field.value = "";
})();
