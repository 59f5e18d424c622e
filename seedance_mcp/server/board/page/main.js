document.querySelector("main").textContent = "Seedance";
